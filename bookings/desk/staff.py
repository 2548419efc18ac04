"""Members of staff: made with one role each. A customer's account never becomes staff."""

from __future__ import annotations

from django.contrib.auth.models import Group, User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from bookings.desk.roles import ROLES
from fly2any.kernel.errors import Problem


def make(name: str, *, role: str, password: str, email: str = "") -> User:
    """A new member of staff in one role. Problem validation_failed for a taken name, a bad password, no such role."""
    user = User(username=name, email=email, is_staff=True)
    try:
        user.full_clean(exclude=["password"])
        validate_password(password, user)
    except ValidationError as error:
        raise Problem("validation_failed", " ".join(error.messages), status=422) from error
    user.set_password(password)
    with transaction.atomic():
        user.save()
        user.groups.set([_group(role)])
    return user


def move(user: User, *, role: str) -> None:
    """Give a member of staff another role instead of theirs, and let them in again if they were switched off.

    What they are signed in to ends. Problem not_staff.
    """
    if not user.is_staff or user.is_superuser:
        raise Problem("not_staff", f"{user.username} is not a member of staff with a role.", status=422)
    user.groups.set([_group(role)])
    User.objects.filter(pk=user.pk).update(is_active=True)


def role_of(user: User) -> str:
    """What this person is called in lists: their roles, or "superuser", or "no role"."""
    if user.is_superuser:
        return "superuser"
    return ", ".join(sorted(group.name for group in user.groups.all())) or "no role"


def _group(role: str) -> Group:
    if role not in ROLES:
        raise Problem("validation_failed", f"The roles are {', '.join(ROLES)}.", status=422)
    return Group.objects.get(name=role)
