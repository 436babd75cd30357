"""All use cases, wired once: what handlers get as `use`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.config import Config
from bot.db.session import Sessions
from bot.usecases.answers import ReadAnswers
from bot.usecases.drafts import DrawDraft
from bot.usecases.people import (
    ChooseLanguage,
    ChooseStyle,
    CountHoldings,
    DeleteEverything,
    FindStage,
    GiveConsent,
    MeetUser,
    NoteBlocked,
)
from bot.usecases.photos import AnnounceAnswer, ChoosePerson, DeletePhoto, ListPhotos, ReceivePhoto
from bot.usecases.pictures import AskForPicture, CancelPicture, FindPicture, Redraw
from bot.usecases.ports import DrawSeed, Signals
from bot.usecases.poses import ChoosePosePhoto, DeletePosePhoto
from bot.usecases.preferences import ChooseClothes, ChooseLikeness, ChoosePose, OpenPreferences
from bot.usecases.reports import ReadUsage


@dataclass(frozen=True)
class UseCases:
    """One field a user action."""

    meet_user: MeetUser
    note_blocked: NoteBlocked
    give_consent: GiveConsent
    choose_language: ChooseLanguage
    choose_style: ChooseStyle
    find_stage: FindStage
    open_preferences: OpenPreferences
    choose_likeness: ChooseLikeness
    choose_clothes: ChooseClothes
    choose_pose: ChoosePose
    choose_pose_photo: ChoosePosePhoto
    delete_pose_photo: DeletePosePhoto
    count_holdings: CountHoldings
    delete_everything: DeleteEverything
    receive_photo: ReceivePhoto
    announce_answer: AnnounceAnswer
    choose_person: ChoosePerson
    list_photos: ListPhotos
    delete_photo: DeletePhoto
    read_answers: ReadAnswers
    draw_draft: DrawDraft
    ask_for_picture: AskForPicture
    redraw: Redraw
    find_picture: FindPicture
    cancel_picture: CancelPicture
    read_usage: ReadUsage


def wire(
    config: Config,
    sessions: Sessions,
    signals: Signals,
    draw_seed: DrawSeed,
    is_arriving: Callable[[int, str], bool] = lambda chat_id, album_id: False,
) -> UseCases:
    """`is_arriving`: see ReadAnswers."""
    drawing = (sessions, signals, draw_seed, config.open_jobs_max)
    return UseCases(
        meet_user=MeetUser(sessions),
        note_blocked=NoteBlocked(sessions),
        give_consent=GiveConsent(sessions),
        choose_language=ChooseLanguage(sessions),
        choose_style=ChooseStyle(sessions),
        find_stage=FindStage(sessions),
        open_preferences=OpenPreferences(sessions, config.alive_s),
        choose_likeness=ChooseLikeness(sessions),
        choose_clothes=ChooseClothes(sessions),
        choose_pose=ChoosePose(sessions),
        choose_pose_photo=ChoosePosePhoto(sessions),
        delete_pose_photo=DeletePosePhoto(sessions),
        count_holdings=CountHoldings(sessions),
        delete_everything=DeleteEverything(sessions, signals),
        receive_photo=ReceivePhoto(sessions, signals, config.alive_s),
        announce_answer=AnnounceAnswer(sessions, signals),
        choose_person=ChoosePerson(sessions, signals, config.alive_s),
        list_photos=ListPhotos(sessions),
        delete_photo=DeletePhoto(sessions),
        read_answers=ReadAnswers(sessions, is_arriving),
        draw_draft=DrawDraft(*drawing),
        ask_for_picture=AskForPicture(*drawing),
        redraw=Redraw(*drawing),
        find_picture=FindPicture(sessions),
        cancel_picture=CancelPicture(sessions, signals),
        read_usage=ReadUsage(sessions, config.alive_s),
    )
