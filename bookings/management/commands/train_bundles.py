"""`manage.py train_bundles`: learn how to order the bundles from what was bought, or choose which model orders them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bookings.bundles import examples, versions
from bookings.models import BundleExample
from fly2any.kernel import clock


class Command(BaseCommand):
    """Train, judge on the newest fifth beside the rules, store, and activate only what is better."""

    help = "Train the order of the bundles on past choices, or choose the model in use (docs/bundles.md)."

    def add_arguments(self, parser: CommandParser) -> None:
        """What to train on, or what to use."""
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--made-up", action="store_true", help="train on the made-up rows of the training table")
        what.add_argument("--history", type=Path, metavar="FILE", help="train on a file of make_bundle_history")
        what.add_argument("--activate", type=int, metavar="N", help="let model N order the bundles; trains nothing")
        what.add_argument("--rules", action="store_true", help="let the rules order the bundles; trains nothing")
        parser.add_argument("--seed", type=int, default=1, help="the same seed and examples give the same model")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do one of the four."""
        try:
            if options["rules"]:
                self.stdout.write("The rules order the bundles." if versions.use_rules()
                                  else "The rules order the bundles already.")
            elif options["activate"] is not None:
                self.stdout.write(f"Now in use: {versions.activate(options['activate'])}.")
            else:
                self._train(options)
        except versions.NotAllowed as error:
            raise CommandError(str(error)) from error

    def _train(self, options: dict[str, Any]) -> None:
        from bookings.bundles import training  # scikit-learn is loaded here and nowhere else

        path = options["history"]
        source = BundleExample.Source.MADE_UP if path or options["made_up"] else BundleExample.Source.REAL
        try:
            found, left = examples.from_file(path) if path else examples.from_table(source)
            trained = training.train(found, seed=options["seed"], left_out=left)
        except training.TooLittle as error:
            self.stdout.write(f"Not trained: {error}. What orders the bundles stays as it is.")
            return
        except (OSError, ValueError) as error:
            raise CommandError(f"The history cannot be read: {error}") from error
        row = versions.keep(weights=trained.weights.as_json(), columns=training.COLUMNS, source=source,
                            examples=trained.examples, metrics=trained.metrics, verdict=trained.verdict,
                            good_enough=trained.good_enough, now=clock.now())
        self._tell(row, trained)
        if trained.good_enough:
            versions.activate(row.version)
            self.stdout.write(f"Now in use: {row}.")
        else:
            self.stdout.write("Not activated; what orders the bundles stays as it is.")

    def _tell(self, row: Any, trained: Any) -> None:
        self.stdout.write(f"{row}: {trained.examples} examples ({trained.left_out} left out), "
                          f"{trained.metrics['heldOut']} of them held out, {trained.seconds:.1f} s")
        for name in ("rules", "model"):
            found = trained.metrics[name]
            self.stdout.write(f"  {name:<6} log loss {found['logLoss']:.4f}  first {found['top1']:.1%}  "
                              f"reciprocal rank {found['mrr']:.4f}")
        self.stdout.write(f"  It {trained.verdict}.")
