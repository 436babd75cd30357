"""/settings: likeness, clothes, aspect and pose of the future pictures, on one screen that changes in place."""

from __future__ import annotations

from aiogram import Bot, F, Router
from aiogram.types import CallbackQuery, InlineKeyboardMarkup, Message

from bot.db.tables import User
from bot.telegram import keyboards
from bot.telegram.callbacks import (
    AspectCallback,
    ClothesCallback,
    LikenessCallback,
    PoseAction,
    PoseCallback,
    PosePageCallback,
    PresetCallback,
    SettingsAction,
    SettingsCallback,
)
from bot.telegram.edits import Toast, edit_text, message_of
from bot.telegram.handlers.image_prompts import image_prompt_label
from bot.telegram.handlers.typed import TypedCommand
from bot.telegram.preset_pages import PresetSheets, edit_words, page_at, page_with
from bot.translator import Markup, Texts
from bot.usecases import UseCases
from bot.usecases.image_prompts import ImagePromptState
from bot.usecases.preferences import Preferences
from engine.contract import Aspect, PosePreset

POSES = tuple(preset.value for preset in PosePreset)


def build() -> Router:
    router = Router(name="settings")
    router.message.register(show_settings, TypedCommand("settings"))
    router.callback_query.register(open_settings, SettingsCallback.filter(F.action == SettingsAction.OPEN))
    router.callback_query.register(show_in_place, SettingsCallback.filter(F.action == SettingsAction.SHOW))
    router.callback_query.register(show_poses, SettingsCallback.filter(F.action == SettingsAction.POSES))
    router.callback_query.register(choose_likeness, LikenessCallback.filter())
    router.callback_query.register(choose_clothes, ClothesCallback.filter())
    router.callback_query.register(choose_aspect, AspectCallback.filter())
    router.callback_query.register(choose_preset, PresetCallback.filter())
    router.callback_query.register(turn_poses, PosePageCallback.filter())
    router.callback_query.register(list_poses, PoseCallback.filter(F.action == PoseAction.LIST))
    router.callback_query.register(choose_pose, PoseCallback.filter())
    return router


async def show_settings(message: Message, user: User, texts: Texts, use: UseCases) -> None:
    text, buttons = _screen(texts, await use.open_preferences(user.id))
    await message.answer(text, reply_markup=buttons)


async def open_settings(callback: CallbackQuery, user: User, texts: Texts, use: UseCases) -> None:
    """Sends the settings as a new message, because the message with the button asks for something else."""
    message = message_of(callback)
    if message is not None:
        await show_settings(message, user, texts, use)


async def show_in_place(callback: CallbackQuery, user: User, texts: Texts, use: UseCases) -> None:
    message = message_of(callback)
    if message is not None:
        await edit_text(message, *_screen(texts, await use.open_preferences(user.id)))


async def show_poses(callback: CallbackQuery, user: User, texts: Texts, use: UseCases) -> Toast | None:
    """Shows the screen of poses; without a worker that draws poses, the settings, which say so."""
    message = message_of(callback)
    preferences = await use.open_preferences(user.id)
    if message is not None:
        screen = _poses if preferences.poses_drawn else _screen
        await edit_text(message, *screen(texts, preferences))
    return None if preferences.poses_drawn else Toast(texts("pose-unavailable"), alert=True)


async def choose_likeness(
    callback: CallbackQuery, callback_data: LikenessCallback, user: User, texts: Texts, use: UseCases
) -> None:
    await use.choose_likeness(user.id, callback_data.likeness)
    await show_in_place(callback, user, texts, use)


async def choose_clothes(
    callback: CallbackQuery, callback_data: ClothesCallback, user: User, texts: Texts, use: UseCases
) -> None:
    await use.choose_clothes(user.id, callback_data.clothes)
    await show_in_place(callback, user, texts, use)


async def choose_aspect(
    callback: CallbackQuery, callback_data: AspectCallback, user: User, texts: Texts, use: UseCases
) -> None:
    await use.choose_aspect(user.id, Aspect[callback_data.action.name])
    await show_in_place(callback, user, texts, use)


async def list_poses(
    callback: CallbackQuery, bot: Bot, user: User, texts: Texts, use: UseCases, sheets: PresetSheets
) -> Toast | None:
    """Sends the presets as a new message; the message with the button stays unchanged."""
    preferences = await use.open_preferences(user.id)
    if not preferences.poses_drawn:
        return Toast(texts("pose-unavailable"), alert=True)
    page = page_with("pose", POSES, preferences.pose)
    buttons = keyboards.pose_presets(texts, page, preferences.pose)
    await sheets.send(bot, user.id, page, _pose_question(texts, preferences, "pose-list-ask"), buttons)
    return None


async def turn_poses(
    callback: CallbackQuery,
    callback_data: PosePageCallback,
    user: User,
    texts: Texts,
    use: UseCases,
    sheets: PresetSheets,
) -> None:
    message = message_of(callback)
    if message is None:
        return
    preferences = await use.open_preferences(user.id)
    page = page_at("pose", POSES, callback_data.page)
    buttons = keyboards.pose_presets(texts, page, preferences.pose)
    await sheets.turn(message, page, _pose_question(texts, preferences, "pose-list-ask"), buttons)


async def choose_preset(
    callback: CallbackQuery, callback_data: PresetCallback, user: User, texts: Texts, use: UseCases
) -> Toast | None:
    await use.choose_pose(user.id, callback_data.preset)
    preferences = await use.open_preferences(user.id)
    if not preferences.poses_drawn:
        return Toast(texts("pose-unavailable"), alert=True)
    message = message_of(callback)
    if message is not None:
        buttons = keyboards.pose_presets(texts, page_with("pose", POSES, preferences.pose), preferences.pose)
        await edit_words(message, _pose_question(texts, preferences, "pose-list-ask"), buttons)
    return None


async def choose_pose(
    callback: CallbackQuery, callback_data: PoseCallback, user: User, texts: Texts, use: UseCases
) -> Toast | None:
    match callback_data.action:
        case PoseAction.FREE:
            await use.choose_pose(user.id, None)
        case PoseAction.DELETE_PHOTO:
            await use.delete_pose_photo(user.id)
        case PoseAction.PHOTO | PoseAction.ANOTHER_PHOTO:
            another = callback_data.action == PoseAction.ANOTHER_PHOTO
            if not await use.choose_pose_photo(user.id, another=another):
                message = message_of(callback)
                if message is not None:
                    await edit_text(message, texts("pose-photo-ask"), keyboards.back_to_poses(texts))
                return None
        case PoseAction.PIN | PoseAction.UNPIN:
            await use.pin_pose(user.id, pinned=callback_data.action == PoseAction.PIN)
        case PoseAction.BACK | PoseAction.LIST:
            pass
    return await show_poses(callback, user, texts, use)


def _screen(texts: Texts, preferences: Preferences) -> tuple[Markup, InlineKeyboardMarkup]:
    pose = texts("settings-pose", pose=_scope(texts, preferences))
    text = texts(
        "settings",
        likeness=texts(f"likeness-{preferences.likeness}"),
        clothes=texts(f"clothes-{preferences.clothes}"),
        aspect=_aspect(texts, preferences),
        pose=pose if preferences.poses_drawn else texts("pose-unavailable"),
        image_prompt=_image_prompt(texts, preferences.image_prompt),
    )
    return text, keyboards.settings(texts, preferences)


def _image_prompt(texts: Texts, state: ImagePromptState) -> Markup:
    """The line about the image prompt. Without workers that read image prompts, it is shown only if one is chosen."""
    if state.offered:
        return Markup(f"\n{texts('settings-image-prompt', image_prompt=image_prompt_label(texts, state))}")
    return Markup(f"\n{texts('image-prompt-unavailable')}" if state.chosen else "")


def _aspect(texts: Texts, preferences: Preferences) -> Markup:
    if len(preferences.aspects_drawn) < 2:
        return texts("aspect-unavailable")
    return texts("settings-aspect", aspect=texts(f"aspect-{preferences.aspect.name.lower()}"))


def _poses(texts: Texts, preferences: Preferences) -> tuple[Markup, InlineKeyboardMarkup]:
    buttons = keyboards.poses(
        texts, preferences.pose, pinned=preferences.pose_pinned, has_photo=preferences.has_pose_photo
    )
    return _pose_question(texts, preferences, "pose-ask"), buttons


def _pose_question(texts: Texts, preferences: Preferences, key: str) -> Markup:
    return texts(key, pose=_scope(texts, preferences))


def _scope(texts: Texts, preferences: Preferences) -> Markup:
    """The line about the pose and the pictures to which it applies."""
    pose = pose_label(texts, preferences.pose)
    if preferences.pose is None:
        return pose
    return texts("pose-pinned", pose=pose) if preferences.pose_pinned else texts("pose-once", pose=pose)


def pose_label(texts: Texts, pose: str | None) -> Markup:
    return texts(f"pose-{pose or 'free'}")
