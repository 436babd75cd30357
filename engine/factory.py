"""Builds the request pipeline from the configuration, for the worker and the command line alike."""

from __future__ import annotations

import functools
import logging
from datetime import UTC, datetime

from engine.backbones import choose_device, load_backbone
from engine.backbones.base import Backbone
from engine.config import Config
from engine.devices import check_device
from engine.errors import SetupError
from engine.examiner import Examiner, FaceDescriber
from engine.hub.packaged import named, remedy
from engine.identity.body import PersonParser
from engine.identity.faces import open_finder
from engine.identity.parsers import open_person_parser
from engine.identity.pose_photo import PoseReader
from engine.marking.certificate import open_certificate
from engine.marking.provenance import GenerationFacts, Marker
from engine.marking.watermark import Watermark
from engine.pipeline import Mark, RequestPipeline
from engine.prompt import GlossaryTranslator, PromptTranslator, open_translator
from engine.safety.guard import open_guard

log = logging.getLogger(__name__)


def assemble(config: Config, worker_id: str) -> RequestPipeline:
    """All parts that requests need, loaded. Raises SetupError with the remedy; quick checks come first. A backbone
    whose pictures can pass for photos is not assembled without its safety classifiers."""
    check_device(config.device)
    finder = open_finder(config.face_root, config.face_pack, config.state)
    parser = open_parser(config)
    marker = open_marker(config)
    backbone = _backbone(config)
    guard = open_guard(config, backbone.capabilities, finder)
    return RequestPipeline(
        backbone,
        Examiner(finder, parser, guard, open_poses(config), open_describer(config)),
        worker_id,
        translator=_translator(config, backbone),
        guard=guard,
        mark=_mark(marker, backbone),
        head_pass=config.head_pass,
    )


def assemble_examiner(config: Config) -> Examiner:
    """An examiner of photos without a backbone. Raises SetupError with the remedy."""
    check_device(config.device)
    finder = open_finder(config.face_root, config.face_pack, config.state)
    return Examiner(
        finder, open_parser(config), open_guard(config, None, finder), open_poses(config), open_describer(config)
    )


def open_parser(config: Config) -> PersonParser:
    """The person parser: with the operator's models, with MediaPipe's networks, or the shipped one."""
    return open_person_parser(config.pose_model, config.person_detector, choose_device(config.device), config.state)


def open_poses(config: Config) -> PoseReader | None:
    """The pose reader with MediaPipe's network, if its weights are present; the shipped parser was trained on renders
    only."""
    if named("mediapipe").lacking(config.state):
        return None
    from engine.vision.blazepose import BlazePose

    try:
        return BlazePose(config.state)
    except SetupError as error:
        log.warning("poses of photos are read without MediaPipe's network: %s", error)
        return None


def open_describer(config: Config) -> FaceDescriber | None:
    """The face describer with dlib's network, if its weights are present; without it, photos of two people are not
    distinguished."""
    if named("same_person").lacking(config.state):
        log.warning("another person's photo is not noticed: run %s", remedy(named("same_person")))
        return None
    from engine.vision.face_descriptor import FaceDescriptor

    return FaceDescriptor(config.state)


def open_marker(config: Config) -> Marker:
    """The marker with the operator's certificate, or with the development one."""
    certificate = open_certificate(config.c2pa_certificate, config.c2pa_key, config.state, datetime.now(UTC))
    return Marker(certificate, Watermark(config.watermark_key.get_secret_value()), config.c2pa_tsa)


def _backbone(config: Config) -> Backbone:
    """The backbone of the configuration. Raises SetupError also where ENGINE_BACKBONE names an absent module or
    factory."""
    try:
        return load_backbone(config.backbone, config.device, config.weights, config.options())
    except (ModuleNotFoundError, AttributeError) as error:
        if ":" not in config.backbone:
            raise
        raise SetupError(
            f"expected the backbone {config.backbone} to load, got {error}: set ENGINE_BACKBONE"
        ) from error


def _translator(config: Config, backbone: Backbone) -> PromptTranslator:
    """The translator for the backbone. One that reads Russian needs only the glossary."""
    return GlossaryTranslator() if "ru" in backbone.capabilities.languages else open_translator(config.translator)


def _mark(marker: Marker, backbone: Backbone) -> Mark:
    return functools.partial(marker, facts=GenerationFacts(backbone.capabilities.name))
