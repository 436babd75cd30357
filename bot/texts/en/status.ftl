# The one status message of a job, from the line to the picture.
status-waiting =
    ⏳ In line, place { $place }.
    { $prompt }
status-next =
    ⏳ You are next.
    { $prompt }
status-handed =
    ⏳ Your turn: a worker is about to begin.
    { $prompt }
status-running =
    🎨 Drawing…
    { $prompt }
status-progress =
    🎨 Drawing… { $percent } %
    { $bar }
    { $prompt }
status-words = { $prompt }
status-ignored = ✖️ I cannot draw: { $words }
status-told = 🌐 I tell the model: { $told }
status-paused =
    ⏸ The line is paused: no worker is here right now. Your place, { $place }, is kept, and drawing goes on by itself as soon as a worker is back.
    { $prompt }
status-cancelled =
    ✖️ Cancelled.
    { $prompt }
status-ready =
    🖼 The picture is ready, one moment…
    { $prompt }
picture-caption =
    { $style }
    { $prompt }
    <i>Made by AI</i>
failure-bad_reference =
    😕 I could not use the photo for this: it is gone or shows no person clearly. Send another one with /photos.
    { $prompt }
failure-bad_prompt =
    😕 These words could not be drawn. Try to say it differently or shorter.
    { $prompt }
failure-bad_pose =
    🤸 I can't take the pose from its photo: it is gone, or does not show one person as a whole. Draw in a free pose, or choose another: /settings
    { $prompt }
failure-bad_style =
    🎨 This style cannot be drawn at the moment. Choose another one: /style
    { $prompt }
failure-refused_prompt =
    🚫 I don't draw this: no nudity, and nobody under 18. Say it differently, and I draw it.
    { $prompt }
failure-refused_photo =
    🚫 I don't draw from one of the photos: it shows nudity, or somebody who looks under 18. Delete it (yours: /photos, the one for the pose: /settings), send another, and then these words once more.
    { $prompt }
failure-refused_picture =
    🚫 What came out is a picture I don't show: nudity, or somebody who looks under 18. It is not kept. Try again, or say it differently.
    { $prompt }
failure-out_of_memory =
    😕 There was not enough memory for this picture. Please try again in a while.
    { $prompt }
failure-worker_lost =
    😕 The picture did not come about: the machine that draws stopped several times. This is our fault, please try again.
    { $prompt }
failure-undeliverable =
    😕 The picture was drawn, but Telegram would not take it. Please try again.
    { $prompt }
failure-internal =
    😕 Something broke while drawing. This is our fault, please try again.
    { $prompt }
photo-line-paused = ⏸ Your photo is safe here, but no worker is free to look at it right now. You will hear from me as soon as one is back.
