"""What a manager may do about a colleague: take a lost second factor away, lift a lock, switch off. All are audited."""

from __future__ import annotations

from django.contrib.auth.models import User

from bookings import telling
from bookings.desk import lockout, second_factor
from bookings.desk.action import Action, By, Params, Plan, Situation
from fly2any.kernel.errors import Problem


def _colleague(params: Params, by: By) -> User:
    user = User.objects.filter(pk=params["user"], is_staff=True).first()
    if user is None:
        raise Problem("not_found", "There is no such member of staff.", status=404)
    if user.pk == by.operator.pk:
        raise Problem("own_account", "Not for yourself: another manager does it.", status=409, action="Ask a colleague")
    return user


def _reset(situation: Situation, params: Params, by: By) -> str:
    user = _colleague(params, by)
    second_factor.remove(user)
    telling.factor_reset(user, situation.now)
    return f"{user.username} is signed out and sets up a new second factor at the next sign-in."


RESET_FACTOR = Action(
    "reset_factor", "Reset second factor", "people", "bookings.do_people", perform=_reset,
    plan=lambda _, __: Plan(
        will=("Their app's codes and recovery codes stop working, and they are signed out everywhere.",
              "With their password alone they then set up a new device: be sure that it is them who asks. "
              "Call them back on the number you know.", "A mail tells them of it, where we have their address.",
              "Your name, the time and the reason are kept for ever.")))


def _lift(_: Situation, params: Params, by: By) -> str:
    user = _colleague(params, by)
    lockout.forget(user)
    second_factor.forgive(user)
    return f"{user.username} may try again at once."


LIFT_LOCK = Action(
    lockout.LIFTED, "Lift the lock", "people", "bookings.do_people", perform=_lift,
    plan=lambda _, __: Plan(
        will=("Failed passwords and codes of this name up to now count no more, from every address.",
              "The tries themselves stay in the log. If it was not your colleague who tried, lift nothing and tell "
              "whoever looks after security.",
              "Your name, the time and the reason are kept for ever.")))


def _lift_address(situation: Situation, params: Params, _: By) -> str:
    if str(params["mark"]) not in lockout.addresses(situation.now):
        raise Problem("not_locked", "This address is not locked any more.", status=409, action="Look again")
    return "Who comes from this address may try again at once."


LIFT_ADDRESS = Action(
    lockout.ADDRESS_LIFTED, "Lift the lock", "people", "bookings.do_people", perform=_lift_address,
    plan=lambda _, __: Plan(
        will=("Failed passwords from this address up to now count no more, whatever the name. A name's own lock stays.",
              "An office, a hotel or a mobile network shares one address: be sure that a colleague sits behind it, and "
              "lift nothing while somebody is guessing from there.",
              "Your name, the time and the reason are kept for ever, the address only as a mark.")))

def _switch_off(_: Situation, params: Params, by: By) -> str:
    user = _colleague(params, by)
    User.objects.filter(pk=user.pk).update(is_active=False)
    second_factor.remove(user)
    return f"{user.username} is signed out and does not come in again."


SWITCH_OFF = Action(
    "switch_off", "Switch off", "people", "bookings.do_people", perform=_switch_off,
    plan=lambda _, __: Plan(
        will=("They are signed out everywhere, and their password and codes open nothing any more.",
              "What they did stays in the book under their name; their cases stay theirs until given to others.",
              "Back in: manage.py make_staff NAME --role ROLE --move.",
              "Your name, the time and the reason are kept for ever.")))

PEOPLE_ACTIONS = {action.name: action for action in (RESET_FACTOR, LIFT_LOCK, SWITCH_OFF)}
