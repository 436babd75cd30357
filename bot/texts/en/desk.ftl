# /admin: its pages, apart from the statistics

admin-home = 🛠 <b>Administration</b>

    Users: { $users }, active in 24 hours: { $active }
    Now: { $workers ->
        [one] { $workers } worker
       *[other] { $workers } workers
    } running, { $queue } in the queue
    Waiting for review: { $cases }{ $pause }
admin-statistics-button = 📊 Statistics
admin-users-button = 👥 Users
admin-review-button = 🚩 Review
admin-broadcast-button = 📣 Broadcast
admin-styles-button = 🎨 Styles
admin-service-button = ⚙️ Service
admin-newer-button = ‹
admin-older-button = ›
admin-page = { $first }-{ $last } of { $total }
admin-none = nothing here
admin-yes = yes
admin-no = no

# Users

users-home = 👥 <b>Users</b>: { $users }
    Served: { $access }
users-open = everybody
users-closed = only people on the access list, and admins
users-find-button = 🔎 Find by ID
users-latest-button = 🕘 Latest
users-list-button = 🚪 Access list
users-banned-button = ⛔ Banned
users-latest = 🕘 <b>Latest users</b>, { $page }
    { $rows }
users-row = <code>{ $user }</code>, last message { $date }
users-end-user = <code>{ $user }</code> of { $app }, last request { $date }
users-list = 🚪 <b>Access list</b>, { $page }
    Served: { $access }

    { $rows }
users-banned = ⛔ <b>Banned</b>, { $page }

    { $rows }
users-rule = <code>{ $user }</code>, since { $date }
users-gone = Also { $count ->
        [one] { $count } person
       *[other] { $count } people
    } who deleted their data: recognised if they return.
users-close-button = 🔒 Only this list
users-open-button = 🔓 Everybody
users-add-button = ➕ Add
users-ask-id = 🔎 Reply with the user's Telegram ID.
users-ask-allow = 🚪 Reply with the Telegram ID to add to the access list.
users-bad-id = This is not a Telegram ID: expected a number. Reply to the question again.
account = 👤 <b>User</b> <code>{ $user }</code>
    Language: { $language }, first message { $since }, last { $active }
    Agreed to the terms: { $consents }
    Blocked the bot: { $blocked }
    Access: { $access }

    Photos: { $photos }
    Pictures: { $delivered } delivered, { $open } in progress, { $failed } failed, { $refused } refused, { $cancelled } cancelled; today { $today }
    Payments: { $payments }{ $credits }
account-end-user = 👤 <b>End user</b> <code>{ $user }</code> of the app <b>{ $app }</b>
    Owner of the app: <code>{ $owner }</code>
    Language: { $language }, added { $since }, last request { $active }
    Agreed to the terms: { $consents }
    Access: { $access }

    Photos: { $photos }
    Pictures: { $delivered } delivered, { $open } in progress, { $failed } failed, { $refused } refused, { $cancelled } cancelled; today { $today }
account-credits = Credits: { $credits }, free today: { $free }
account-consent = version { $version }, { $date }
account-never = no
account-payments = { $count }, { $stars }
account-unknown = 👤 <b>User</b> <code>{ $user }</code>
    They have never written to the bot, or have deleted their data.
    Access: { $access }
access-banned = banned since { $date }
access-listed = on the access list
access-limit = { $limit ->
        [one] { $limit } picture
       *[other] { $limit } pictures
    } a day
access-plain = no special rules
account-jobs-button = 🖼 Requests
account-ledger-button = 💳 Ledger
account-grant-button = 🎁 Grant credits
account-payments-button = ↩️ Payments
account-rules-button = 🚦 Access
account-ban-button = ⛔ Ban
account-unban-button = ✅ Unban
account-limit-button = 🔢 Daily limit
account-allow-button = ➕ Allow
account-disallow-button = ➖ Remove
account-rules = 🚦 <b>Access of user</b> <code>{ $user }</code>
    { $access }

    A ban cancels pictures in progress and keeps the user out, except for their data, payments and /help. The access list counts while only people on it are served.
account-rules-end-user = 🚦 <b>Access of the end user</b> <code>{ $user }</code>
    { $access }

    A ban cancels pictures in progress, and the app's further requests for this end user are refused.
account-jobs = 🖼 <b>Requests of user</b> <code>{ $user }</code>, { $page }
    { $rows }
account-job = { $date } · { $style } · { $state }
job-state-queued = in the queue
job-state-running = being drawn
job-state-done = being sent
job-state-delivered = delivered
job-state-failed = failed: { $reason }
job-state-refused = refused: { $reason }
job-state-cancelled = cancelled
account-ledger = 💳 <b>Ledger of user</b> <code>{ $user }</code>, { $page }
    { $rows }
account-entry = { $date } · { $kind } · { $credits }{ $day }
account-entry-free = , free quota
entry-reserve = reserved
entry-settle = spent
entry-release = returned
entry-grant = granted
entry-purchase = bought
entry-refund = refunded
entry-referral = invitation
account-payments-list = ↩️ <b>Latest payments of user</b> <code>{ $user }</code>
    { $rows }
account-payment = { $number }. { $date } · { $stars } · { $credits }
account-payment-refunded = { $number }. { $date } · { $stars } · { $credits }, refunded
account-refund-button = ↩️ Refund { $number }
account-ask-refund = ↩️ <b>Refund { $stars } to user</b> <code>{ $user }</code>?
    Unspent credits of this purchase are removed.
account-refund-yes-button = Yes, refund
account-ask-grant = 🎁 Reply with the number of credits for user { $user }.
account-ask-limit = 🔢 Reply with the number of pictures a day for user { $user }; 0 removes the limit.
account-bad-number = Expected a number from { $least } to { $most }. Reply to the question again.
account-limit-set = ✅ Daily limit of user { $user }: { $access }
account-allowed = ✅ User { $user } is on the access list.

# Review

review-empty = 🚩 <b>Nothing is waiting for review.</b>
review-report = 🚩 <b>Reported picture.</b> Reason: { $reason }
    Prompt: { $prompt }
    User <code>{ $user }</code>, { $date }
review-appeal = ⚖️ <b>Appeal against a refusal:</b> { $reason }
    Prompt: { $prompt }
    User <code>{ $user }</code>, { $date }
review-no-picture = The picture has been deleted.
review-photo-below = The photos of this request are above.
review-delete-button = 🗑 Delete
review-keep-button = ✅ Keep
review-wrong-button = ↩️ Refusal was wrong
review-right-button = ⛔ Refusal stands
review-user-button = 👤 User
review-next-button = ⏭ Next
review-open-button = 🚩 Open
review-decided = Decided.
review-decided-before = Somebody decided this already, or the user deleted their data.
review-notice-appeal = ⚖️ <b>A user appeals against a refusal.</b> Reason: { $reason }
review-removed = 🗑 <b>A picture of yours was reported and the operator has removed it.</b> It is not in /gallery any more.
review-appeal-upheld = ⚖️ <b>The operator agrees with you: this refusal was a mistake.</b> The check is automatic and cannot be skipped; please rephrase the prompt or use another photo.
review-appeal-dismissed = ⚖️ <b>The operator has checked your appeal: the refusal stands.</b>
appeal-button = ⚖️ Appeal
appeal-send-button = ⚖️ Send appeal
appeal-ask = The operator will see your prompt, and the photos if a photo was refused. Send the appeal?
appeal-sent = Thank you! The operator will look at it and you will get an answer here.
appeal-known = You have appealed already; you will get an answer here.

# Broadcast

broadcast-none = 📣 <b>Broadcast</b>
    A message to all users who agreed to the terms and have not blocked the bot.
broadcast-write-button = ✏️ Write
broadcast-ask = 📣 Reply with the message: text, or a photo with a caption. Formatting is kept. Nothing is sent to users yet.
broadcast-bad = Expected a text, or a photo with or without a caption. Reply to the question again.
broadcast-busy = Another broadcast has not finished. Finish or discard it first.
broadcast-gone = This broadcast has changed meanwhile. Its present state: /admin
broadcast-draft = 📣 <b>Broadcast { $broadcast }, not sent</b>
    For: { $language }
    Recipients: { $recipients }; { $unreachable } more have blocked the bot
    Takes about { $seconds } at { $rate } messages per second
broadcast-confirm = 📣 <b>Send it to { $recipients ->
        [one] { $recipients } user
       *[other] { $recipients } users
    } now?</b>
    A message cannot be taken back.
broadcast-progress = 📣 <b>Broadcast { $broadcast }: { $state }</b>
    { $bar }
    { $handled } of { $recipients } · delivered { $delivered } · blocked the bot { $unreachable } · refused by Telegram { $refused } · unknown { $unknown }
broadcast-state-sending = being sent
broadcast-state-stopped = stopped
broadcast-state-sent = sent
broadcast-everybody = everybody
broadcast-en = English speakers
broadcast-ru = Russian speakers
broadcast-language-button = 🌐 Recipients
broadcast-dry-run-button = 👁 Dry run
broadcast-send-button = 📣 Send
broadcast-yes-button = Yes, send
broadcast-stop-button = ⏸ Stop
broadcast-go-on-button = ▶️ Go on
broadcast-refresh-button = 🔄 Refresh
broadcast-discard-button = 🗑 Discard
broadcast-dry-run-done = Dry run: only you got the message.

# Styles

styles-desk = 🎨 <b>Styles</b>, { $page }
    Tap one to change it. Those with a stop sign are not offered to users.
styles-new-button = ➕ New
style-desk = 🎨 <b>{ $title }</b> (<code>{ $name }</code>)
    In English: { $en }, in Russian: { $ru }
    Offered: { $offered }, place { $place } of { $total }
style-desk-template = Template: <code>{ $template }</code>
style-on-button = ✅ Offer
style-off-button = ⛔ Do not offer
style-up-button = ⬆️ Earlier
style-down-button = ⬇️ Later
style-delete-button = 🗑 Delete
style-ask-new = 🎨 Reply with four rows: an emoji, the English title, the Russian title, and the template in English with { $placeholder } once. For example:
    <code>{ $example }</code>
style-added = ✅ The style { $title } is offered now.
error-style = The style is not complete. Expected four rows: emoji, English title and Russian title (20 characters at most), template with { "{prompt}" } once. Reply to the question again.

# Service

service-home = ⚙️ <b>Service</b>: { $state }
    Running now: { $workers ->
        [one] { $workers } worker
       *[other] { $workers } workers
    }, { $running } being drawn, { $queue } in the queue
    Failed through a fault of the service in the last 24 hours and not repeated: { $failed }
service-works = works
service-paused = paused
service-pause-button = ⏸ Pause
service-resume-button = ▶️ Resume
service-retry-button = 🔁 Repeat failed
service-audit-button = 📜 Audit log
service-payments-button = 📄 Payments CSV
service-retried = Repeated: { $count }, not possible: { $skipped }
payments-csv-caption = 📄 All payments in Stars.
audit-csv-caption = 📄 The audit log, newest first.
audit-csv-button = 📄 CSV
audit-log = 📜 <b>Audit log</b>, { $page }
    { $rows }
audit-row = { $date } · { $admin } · { $act }{ $user }{ $subject }
act-view-user = looked at a user
act-view-case = looked at a case
act-grant = granted credits
act-refund = refunded
act-limit = set a limit
act-no-limit = removed a limit
act-ban = banned
act-unban = unbanned
act-allow = put on the access list
act-disallow = took off the access list
act-close-access = access list only
act-open-access = everybody is served
act-pause = paused
act-resume = resumed
act-retry = repeated failed pictures
act-report-upheld = deleted a reported picture
act-report-dismissed = kept a reported picture
act-appeal-upheld = granted an appeal
act-appeal-dismissed = rejected an appeal
act-broadcast-write = wrote a broadcast
act-broadcast-start = sent a broadcast
act-broadcast-stop = stopped a broadcast
act-broadcast-discard = discarded a broadcast
act-style-on = offers a style
act-style-off = does not offer a style
act-style-move = moved a style
act-style-add = made a style
act-style-delete = deleted a style
act-export-usage = exported the usage CSV
act-export-payments = exported the payments CSV
act-export-audit = exported the audit CSV
act-make-key = made an API key
act-revoke-key = revoked an API key
act-app-delete-user = deleted an end user
act-app-delete-photo = deleted a photo
act-app-delete-image-prompt = deleted an image prompt
act-app-delete-job = deleted a job
audit-key = API key { $key }

# What users see of it

error-banned = The operator has blocked you from this bot. Your data: /privacy
error-daily-limit = You have reached your limit of { $limit ->
        [one] { $limit } picture
       *[other] { $limit } pictures
    } a day. It starts again at 00:00 UTC.
draft-barred = { $reason }
    Your prompt, to send again later (tap to copy it): <code>{ $prompt }</code>
access-not-listed = 🚪 <b>This bot serves invited people only.</b>
    To be added, write to { $contact } and include your Telegram ID: <code>{ $user }</code>
access-not-listed-toast = This bot serves invited people only: /start
access-contact = the operator of this bot
