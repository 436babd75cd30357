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
