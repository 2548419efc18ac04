"""`manage.py rehearse`: put one practice booking into each of the twenty mismatches, for staff to solve."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.urls import reverse

from bookings import rehearsal
from bookings.models import Case
from bookings.rehearsal.outside import OutsideRefused
from bookings.rehearsal.seeing import notice
from fly2any.kernel.errors import Outside, Problem


class Command(BaseCommand):
    """This command will stage mismatches in the sandbox; it refuses where real keys are set."""

    help = "Practise: one booking in each mismatch M1 to M20 (or those named). The site and its sandbox must run."

    def add_arguments(self, parser: CommandParser) -> None:
        """Codes, and what else can be asked."""
        parser.add_argument("codes", nargs="*", metavar="M1",
                            help="only these (A1: a lost reservation); all twenty when none is named")
        parser.add_argument("--list", action="store_true", help="say what there is, and stage nothing")
        parser.add_argument("--mend", metavar="CODE", help="play the outside person who solves their side of it")

    def handle(self, *args: Any, **options: Any) -> None:
        """Stage, have the detectors look, and print a sheet for the trainee."""
        scenes = rehearsal.SCENES | rehearsal.MORE
        wanted = [code.upper() for code in (*options["codes"], *([options["mend"]] if options["mend"] else []))]
        unknown = sorted(set(wanted) - scenes.keys())
        if unknown:
            raise CommandError(f"There is no {', '.join(unknown)}: M1 to M20, A1.")
        if options["list"]:
            for scene in scenes.values():
                self.stdout.write(f"{scene.code:4} {scene.title}. {scene.solve}")
            return
        settings.BROKER_ENABLED = False  # the workers shall not tidy the stage while it is set
        if options["mend"]:
            self._mend(options["mend"].upper())
            return
        # with an empty balance no other scene stands
        order = sorted(wanted or rehearsal.SCENES, key=lambda code: code == "M18")
        failed = [code for code in order if not self._stage(scenes[code])]
        if failed:
            raise CommandError(f"Not staged: {', '.join(failed)}. Try these again.")

    def _stage(self, scene: rehearsal.Scene) -> bool:
        try:
            staged = rehearsal.rehearse(scene.code)
            case = notice(scene, staged)
        except (rehearsal.StageNotSet, OutsideRefused, Outside, Problem) as problem:
            self.stderr.write(f"{scene.code:4} {problem}")
            return False
        about = staged.booking.reference if staged.booking else staged.subject
        self.stdout.write(f"{scene.code:4} {scene.title}: {about} {_address(case)}")
        self.stdout.write(f"     {scene.solve} {staged.hint}".rstrip())
        return case is not None

    def _mend(self, code: str) -> None:
        if not rehearsal.mend(code):
            raise CommandError(f"Nobody outside has anything to do for {code}.")
        self.stdout.write(f"{code}: done outside. Press Look again, or wait for the next round.")


def _address(case: Case | None) -> str:
    return settings.SITE_URL + reverse("admin:bookings_case_change", args=[case.pk]) if case else "(no case yet)"
