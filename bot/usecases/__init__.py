"""The use cases: one class per user action, one module per subject."""

from __future__ import annotations

from dataclasses import dataclass

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
from bot.usecases.poses import ChoosePosePhoto, DeletePosePhoto
from bot.usecases.preferences import ChooseAspect, ChooseClothes, ChooseLikeness, ChoosePose, OpenPreferences
from bot.usecases.reports import PauseService, ReadUsage, ResumeService


@dataclass(frozen=True)
class UseCases:
    """All use cases of a process; handlers get it as `use`. `bot.app` builds it."""

    meet_user: MeetUser
    note_blocked: NoteBlocked
    give_consent: GiveConsent
    choose_language: ChooseLanguage
    choose_style: ChooseStyle
    find_stage: FindStage
    open_preferences: OpenPreferences
    choose_likeness: ChooseLikeness
    choose_aspect: ChooseAspect
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
    pause_service: PauseService
    resume_service: ResumeService
