"""The errors of the bot.

BotError
├── OperatorError        the installation or its settings are wrong; one line with the remedy
│   └── AddressError     DATABASE_URL cannot be opened as it stands (bot.db.address)
├── DomainError          the user gets a text, in their language
│   ├── TooManyOpenJobs  as many of their pictures are in progress as allowed
│   ├── Banned           an admin has blocked them
│   ├── DailyLimitReached  they have as many pictures today as an admin allows them
│   ├── NotEnoughCredits neither the free quota of the day nor their credits pay for a picture
│   ├── UnknownUser      they deleted everything meanwhile
│   ├── PictureGone      the picture under which they pressed a button is no longer stored
│   ├── PictureInProgress  the picture cannot be deleted before it has ended
│   ├── NoRoomForVariations  fewer than two places are left in the queue
│   ├── PersonGone       they deleted that person meanwhile
│   ├── CompanionGone    no photo of the second person in the next picture is stored
│   ├── OnePersonOnly    some living worker draws no two people in one picture
│   ├── TooManyPeople    they have as many people as allowed
│   ├── PersonNameRefused    a name without letters, or too long
│   ├── NoPhotos         there is no accepted photo to draw from
│   ├── StyleRefused     an admin's new style is not complete
│   └── PromptRefused    the prompt cannot be drawn
│       ├── PromptEmpty
│       ├── PromptWordless   only emoji, digits or signs
│       ├── PromptIsCommand
│       ├── PromptTooLong
│       └── SeedTooLarge
└── AppRefusal           the request of an app is not possible (bot.api.problems says so)
    ├── NoConsent        its end user has not agreed to the terms in force
    ├── AppBusy          as many pictures of the app are in progress as allowed
    ├── IdempotencyConflict  the idempotency key of another request
    ├── NoImagePrompt    its end user has none
    └── CannotDraw       no living worker can draw the pose, the aspect or the image prompt
"""

from __future__ import annotations

from typing import ClassVar


class BotError(Exception):
    """The root."""


class OperatorError(BotError):
    """The installation or its settings are wrong; the message is one line with the remedy."""


class DomainError(BotError):
    """The user's request is not possible; `key` names the Fluent text that says so, with `variables`."""

    key: ClassVar[str]

    def __init__(self, **variables: str | int) -> None:
        super().__init__(f"{self.key} {variables}" if variables else self.key)
        self.variables = variables


class TooManyOpenJobs(DomainError):
    """The user has `limit` pictures in progress, the largest number allowed."""

    key = "error-too-many-open-jobs"


class Banned(DomainError):
    """An admin has blocked them."""

    key = "error-banned"


class DailyLimitReached(DomainError):
    """The user has had `limit` pictures today, the largest number that an admin allows them."""

    key = "error-daily-limit"


class NotEnoughCredits(DomainError):
    """Neither the free quota of the day nor their credits pay for a picture."""

    key = "error-no-credits"


class UnknownUser(DomainError):
    """No row of the user exists."""

    key = "error-unknown-user"


class PictureGone(DomainError):
    """The picture under which they pressed a button is no longer stored, or is not theirs."""

    key = "error-picture-gone"


class PictureInProgress(DomainError):
    """The picture cannot be deleted before it has ended."""

    key = "job-queued-already"


class NoRoomForVariations(DomainError):
    """The user may have fewer than two more pictures in progress."""

    key = "error-no-room-for-variations"


class PersonGone(DomainError):
    """The user has no such person."""

    key = "error-person-gone"


class CompanionGone(DomainError):
    """No photo of the second person in the next picture is stored."""

    key = "error-companion-gone"


class OnePersonOnly(DomainError):
    """Some living worker draws no two people in one picture."""

    key = "error-one-person-only"


class TooManyPeople(DomainError):
    """The user has `limit` people, the largest number allowed."""

    key = "error-too-many-people"


class PersonNameRefused(DomainError):
    """A name needs a letter or a digit, and has at most `limit` characters."""

    key = "error-person-name"


class NoPhotos(DomainError):
    """The person has no accepted photo."""

    key = "error-no-photos"


class StyleRefused(DomainError):
    """An admin's new style is not complete; `problem`: lines, emoji, title or template."""

    key = "error-style"


class PromptRefused(DomainError):
    """The prompt cannot be drawn; see the subclasses."""


class PromptEmpty(PromptRefused):
    """The prompt has no visible characters."""

    key = "error-prompt-empty"


class PromptWordless(PromptRefused):
    """The prompt has only emoji, digits or signs."""

    key = "error-prompt-wordless"


class PromptIsCommand(PromptRefused):
    """The prompt begins with a slash: it is an unknown command, or one in the caption of a photo."""

    key = "unknown-command"


class PromptTooLong(PromptRefused):
    """The prompt has `length` characters, more than the `limit` allowed."""

    key = "error-prompt-too-long"


class SeedTooLarge(PromptRefused):
    """Seeds go up to `limit`."""

    key = "error-seed-too-large"


class AppRefusal(BotError):
    """The request of an app is not possible."""


class NoConsent(AppRefusal):
    """The end user has not agreed to `version` of the terms, which is in force."""

    def __init__(self, version: int) -> None:
        super().__init__(f"expected the end user's consent to version {version} of the terms")
        self.version = version


class AppBusy(AppRefusal):
    """The app has `limit` pictures in progress, the largest number allowed."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"expected at most {limit} pictures of one app in progress")
        self.limit = limit


class IdempotencyConflict(AppRefusal):
    """The app used the idempotency key for another request before."""


class NoImagePrompt(AppRefusal):
    """The end user has no image prompt to follow."""


class CannotDraw(AppRefusal):
    """No living worker can draw `feature`, "pose", "aspect" or "image prompt"."""

    def __init__(self, feature: str) -> None:
        super().__init__(f"expected a worker that draws the {feature} asked for, found none")
        self.feature = feature
