"""The use cases: one class per user action, one module per subject."""

from __future__ import annotations

from dataclasses import dataclass

from bot.usecases.admin import AdminUseCases
from bot.usecases.admin.accounts import ReadAdmission
from bot.usecases.admin.review import Appeal
from bot.usecases.answers import ReadAnswers
from bot.usecases.apps import KeyUseCases
from bot.usecases.credits import CreditUseCases
from bot.usecases.drafts import DrawDraft, TakeBackDraft
from bot.usecases.export import ExportData
from bot.usecases.held import HoldMessage, TakeHeld
from bot.usecases.image_prompts import ImagePromptUseCases
from bot.usecases.payments import PaymentUseCases
from bot.usecases.people import (
    ChooseLanguage,
    ChooseStyle,
    CountHoldings,
    DeleteEverything,
    FindLanguage,
    FindStage,
    GiveConsent,
    MeetUser,
    NoteBlocked,
)
from bot.usecases.persons import PeopleUseCases
from bot.usecases.photos import (
    AnnounceAnswer,
    ChoosePerson,
    DecideOtherPerson,
    DeletePhoto,
    ListPhotos,
    ReceivePhoto,
)
from bot.usecases.pictures import AskForPicture, CancelPicture, FindPicture, Redraw
from bot.usecases.poses import ChoosePosePhoto, DeletePosePhoto
from bot.usecases.preferences import ChooseAspect, ChooseClothes, ChooseLikeness, ChoosePose, OpenPreferences, PinPose
from bot.usecases.reports import PauseService, ReadUsage, ResumeService
from bot.usecases.results import (
    BrowseGallery,
    NoteMessage,
    RemovePicture,
    ReportPicture,
    SearchPictures,
    SetFavourite,
    TakeOriginal,
)


@dataclass(frozen=True)
class UseCases:
    """All use cases of a process, built by `bot.app`; handlers get the object as `use`."""

    meet_user: MeetUser
    note_blocked: NoteBlocked
    give_consent: GiveConsent
    hold_message: HoldMessage
    take_held: TakeHeld
    choose_language: ChooseLanguage
    find_language: FindLanguage
    choose_style: ChooseStyle
    find_stage: FindStage
    open_preferences: OpenPreferences
    choose_likeness: ChooseLikeness
    choose_aspect: ChooseAspect
    choose_clothes: ChooseClothes
    choose_pose: ChoosePose
    pin_pose: PinPose
    choose_pose_photo: ChoosePosePhoto
    delete_pose_photo: DeletePosePhoto
    image_prompts: ImagePromptUseCases
    count_holdings: CountHoldings
    delete_everything: DeleteEverything
    receive_photo: ReceivePhoto
    announce_answer: AnnounceAnswer
    choose_person: ChoosePerson
    decide_other_person: DecideOtherPerson
    list_photos: ListPhotos
    delete_photo: DeletePhoto
    read_answers: ReadAnswers
    draw_draft: DrawDraft
    take_back_draft: TakeBackDraft
    ask_for_picture: AskForPicture
    redraw: Redraw
    find_picture: FindPicture
    cancel_picture: CancelPicture
    set_favourite: SetFavourite
    take_original: TakeOriginal
    report_picture: ReportPicture
    remove_picture: RemovePicture
    browse_gallery: BrowseGallery
    search_pictures: SearchPictures
    note_message: NoteMessage
    read_usage: ReadUsage
    pause_service: PauseService
    resume_service: ResumeService
    export_data: ExportData
    people: PeopleUseCases
    read_admission: ReadAdmission
    appeal: Appeal
    admin: AdminUseCases
    payments: PaymentUseCases
    credits: CreditUseCases | None
    """`None` while credits are off."""
    keys: KeyUseCases | None = None
    """`None` while the HTTP API is off."""
