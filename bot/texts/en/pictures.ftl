# Prompts that cannot be drawn

error-prompt-empty = ✍️ There is no text in this message. Describe in one sentence what you want to see.
error-prompt-wordless = ✍️ I can't draw from emoji and digits alone. Describe in one sentence what you want to see, for example: “on a beach at sunset”.
error-prompt-too-long = ✂️ Your text has { $length ->
        [one] { $length } character
       *[other] { $length } characters
    }, and the limit is { $limit }. Shorten it and send it again.

error-seed-too-large = 🌱 A seed cannot be larger than { $limit }.

# Buttons under status messages and pictures

job-cancel-button = ✖️ Cancel
job-again-button = 🔄 Again
job-style-button = 🎨 Another style
job-reuse-button = ✏️ Edit prompt
job-face-button = 🙂 Focus on face
job-body-button = 🧍 Focus on body
job-other-clothes-button = 👗 Other clothes
job-own-clothes-button = 👕 My clothes
job-free-pose-button = 🎲 Any pose
job-no-image-prompt-button = 🖼 No image prompt
job-alone-button = 👤 One person
job-retry-button = 🔄 Try again
job-variations-button = ✨ Variations
job-favourite-button = 🤍 Favourite
job-loved-button = ❤️ Favourite
job-more-button = ⋯ More
job-file-button = 📄 File
job-report-button = 🚩 Report
job-delete-button = 🗑 Delete
job-confirm-delete-button = 🗑 Yes, delete

job-queued = Added to the queue!
job-queued-variations = Added to the queue: { $count ->
        [one] { $count } variation
       *[other] { $count } variations
    }!
job-queued-any-pose = Added to the queue! The pose photo has been deleted, so I'll use any pose.
job-queued-no-image-prompt = Added to the queue! The image prompt has been deleted, so I'll draw without it.
job-queued-already = This picture is already in progress.
job-cancelled = Cancelled.
job-too-late = Too late: it has already finished.
job-pick-style = Pick a style, and I'll redraw the picture in it.
job-reuse = ✏️ <b>Reply to this message with the new prompt</b>, and I'll draw it in the same way. Style: { $style }
    Your prompt (tap to copy): <code>{ $prompt }</code>

favourite-added = Added to your favourites: /favourites
favourite-removed = Removed from your favourites.
file-caption = 📄 The original file. Unlike the photo above, it keeps the mark that the picture was made by AI.
file-gone = I no longer have this file. To get it again, send the same prompt and add “seed { $seed }”.
report-ask = What is wrong with this picture? The operator will see the picture and its prompt.
report-nudity-button = 🔞 Nudity or a minor
report-consent-button = 👤 Without consent
report-offensive-button = 😠 Offensive
report-other-button = ❓ Something else
report-sent = Thank you! The operator will look at your report.
report-known = You have already reported this picture.
report-notice = 🚩 <b>A user has reported a picture.</b> Reason: { $reason }
    Prompt: { $prompt }
    User <code>{ $user }</code>, job <code>{ $job }</code>
delete-ask = Delete the picture, its prompt and its file? This cannot be undone.
delete-done = Deleted. I no longer store this picture.
delete-too-old = 🗑 Deleted: I no longer store this picture. Telegram does not let me delete messages older than two days, so please delete this one yourself.

# /gallery and /favourites

pictures-page = <b>Your pictures: { $number } of { $count }</b>
favourites-page = <b>Your favourites: { $number } of { $count }</b>
pictures-empty = 🖼 You have no pictures yet. Describe in one sentence what you want to see.
favourites-empty = 🤍 You have no favourites yet. To add a picture, tap “Favourite” under it.
gallery-newer-button = ← Newer
gallery-older-button = Older →
gallery-open-button = 🔍 Open

error-picture-gone = I no longer store this picture or its prompt. To draw it again, send me the prompt once more.
error-no-photos = I no longer have a photo of you. Send me one and tap the button again.
error-too-many-open-jobs = ⏳ You already have { $limit ->
        [one] { $limit } picture
       *[other] { $limit } pictures
    } in progress. Wait for one or cancel one, then try again.
error-no-room-for-variations = ⏳ Variations need room for at least two pictures in your queue. Wait for a picture or cancel one, then try again.
