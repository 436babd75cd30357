"""All measurements of one backbone, or of true photos, on the same people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from engine.backbones.base import Capabilities
from engine.contract import Settings
from trainer.gates.cases import Case
from trainer.gates.drawing import Studio
from trainer.gates.figures import GateFigure
from trainer.gates.measures import Measures, PerPerson, Rows, everybody, figures_of
from trainer.gates.measuring import Meter
from trainer.gates.people_reader import Reader
from trainer.gates.real import RealPerson, RealResult, measure_real
from trainer.gates.styles import StyleReader, Styling
from trainer.gates.variants import USUAL, Shown, Variant, drawn_by, posed_request, true_photos

NO_POSE = "the backbone takes no pose"
NO_STYLES = "the backbone draws no styles"


@dataclass(frozen=True)
class Artist:
    """A studio and its styling; None where the backbone draws no styles."""

    studio: Studio
    styling: Styling | None

    @property
    def can(self) -> Capabilities:
        return self.studio.backbone.capabilities


@dataclass(frozen=True)
class Survey:
    """The measurements of one backbone or of true photos. real: None for true photos; skipped: name of a measure -> the
    reason."""

    people: int
    shown: Shown
    measures: Measures
    real: RealResult | None = None
    skipped: dict[str, str] = field(default_factory=dict)

    def figures(self, rows: Rows | None = None) -> dict[str, GateFigure]:
        """The figures of some people, by default of all; those of real photos are only in the figures of all."""
        figures = figures_of(self.measures, everybody(self.people) if rows is None else rows)
        if self.real is not None and rows is None:
            figures["real_reference_wins"] = self.real.figures["real_reference_wins"]
        return figures


@dataclass(frozen=True)
class Panel:
    """The readers of pictures and the people on them."""

    cases: Sequence[Case]
    meter: Meter
    real: list[RealPerson]
    reader: Reader
    settings: Settings

    def of_pictures(self, artist: Artist, variant: Variant = USUAL) -> Survey:
        """Draws the pictures that do not exist yet, and measures them."""
        pictures = drawn_by(artist.studio, self.cases, self.settings, variant)
        measures = self.meter.measure(pictures)
        refusals = artist.studio.refusals(case.reference.image for case in self.cases)
        measures["references_refused"] = PerPerson(refusals)
        skipped: dict[str, str] = {}
        if not artist.can.pose:
            skipped |= dict.fromkeys(("pose_pck_mediapipe", "part_iou"), NO_POSE)
        if artist.styling is None:
            skipped["style_accuracy"] = NO_STYLES
        else:
            changed = self.settings.model_copy(update=variant.settings)
            requests = [posed_request(case, case, changed, variant) for case in self.cases]
            folder = "styles" if variant is USUAL else f"without-{variant.name}/styles"
            measures["style_accuracy"] = StyleReader(self.cases, artist.styling).measure(requests, folder)
        real = measure_real(artist.studio, self.real, self.reader, self.settings, variant)
        return Survey(len(self.cases), pictures, measures, real, skipped)

    def of_true_photos(self, styling: Styling | None) -> Survey:
        """The figures of true photos."""
        pictures = true_photos(self.cases)
        measures = self.meter.measure(pictures, true=True)
        if styling is not None:
            measures["style_accuracy"] = StyleReader(self.cases, styling).measure_true()
        return Survey(len(self.cases), pictures, measures)
