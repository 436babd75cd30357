# Prompts that cannot be drawn

error-prompt-empty = ✍️ There is no text in this message. Describe in one sentence what you want to see.
error-prompt-wordless = ✍️ I can't draw from emoji and digits alone. Describe in one sentence what you want to see, for example: “on a beach at sunset”.
error-prompt-too-long = ✂️ Your text has { $length ->
        [one] { $length } character
       *[other] { $length } characters
    }, and the limit is { $limit }. Shorten it and send it again.

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
job-retry-button = 🔄 Try again

job-queued = Added to the queue!
job-queued-any-pose = Added to the queue! The pose photo has been deleted, so I'll use any pose.
job-queued-already = This picture is already in progress.
job-cancelled = Cancelled.
job-too-late = Too late: it has already finished.
job-pick-style = Pick a style, and I'll redraw the picture in it.
job-reuse = ✏️ Your prompt (tap to copy): <code>{ $prompt }</code>
    Change it and send it to me. Style: { $style }; choose another: /style

error-picture-gone = I no longer have the prompt of this picture. Please write it again.
error-no-photos = I no longer have a photo of you. Send me one and tap the button again.
error-too-many-open-jobs = ⏳ You already have { $limit ->
        [one] { $limit } picture
       *[other] { $limit } pictures
    } in progress. Wait for one or cancel one, then try again.
