"""tmp"""
from __future__ import annotations

from bookings import detectors
from bookings.models import Case
from bookings.rehearsal.mismatches import Scene, Staged
from fly2any.kernel import clock


def notice(scene: Scene, staged: Staged) -> Case | None:
    detectors.run(clock.now())
    return case_of(scene, staged)

def case_of(scene: Scene, staged: Staged) -> Case | None:
    about = {"booking": staged.booking} if staged.booking else {"subject": staged.subject}
    kinds = detectors.DETECTORS[scene.code].kinds
    print(scene.code, list(Case.objects.values_list("kind", "subject", "severity", "closed_at")), kinds)
    return Case.objects.filter(closed_at=None, kind__in=kinds, **about).order_by("severity", "-pk").first()
