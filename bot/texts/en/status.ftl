# The one message about a picture, from the queue to the result
quoted-prompt = “{ $prompt }”
status-waiting =
    ⏳ You're #{ $place } in the queue.
    { $prompt }
status-next =
    ⏳ You're next in the queue.
    { $prompt }
status-handed =
    ⏳ Starting now…
    { $prompt }
status-running =
    🎨 Drawing…
    { $prompt }
status-progress =
    🎨 Drawing… { $percent }%
    { $bar }
    { $prompt }
status-person = Person: { $name }
status-people = People: { $first }, { $second }
status-two = Two people
status-pose = Pose: { $pose }
status-image-prompt = Style: from your image prompt
status-ignored = I can't draw: { $phrases }
status-translation = Translated for the model: { $translation }
status-expected-seconds = Ready in about { $seconds } s
status-expected-minutes = Ready in about { $minutes } min
status-paused =
    ⏸ The queue is paused: the server is unavailable. You keep your place (#{ $place }), and I'll continue automatically.
    { $prompt }
status-cancelled =
    ✖️ Cancelled.
    { $prompt }
status-ready =
    🖼 The picture is ready, one moment…
    { $prompt }

# The caption: the style, then what was chosen besides it
picture-caption =
    { $style }
    { $prompt }
    <i>Made by AI</i> · <code>seed { $seed }</code>
picture-likeness = likeness: { $likeness }
picture-clothes = other clothes
picture-pose = pose: { $pose }
picture-pose-skipped = pose: any (the model cannot draw a chosen pose)
picture-companion = two people
picture-image-prompt = with an image prompt
picture-image-prompt-skipped = without the image prompt (the model cannot follow one)

# The message about an album of variations

album-progress = ✨ Drawing variations: { $done } of { $count } ready
    { $bar }
    { $prompt }
album-delivered = ✨ <b>{ $count ->
        [one] { $count } variation
       *[other] { $count } variations
    }.</b> Tap a number to open one with all its buttons.
album-unconfirmed = ✨ <b>{ $count ->
        [one] { $count } variation is
       *[other] { $count } variations are
    } ready.</b> Telegram has not confirmed the album. If you don't see it, tap the numbers to open the pictures.
album-number-button = #{ $number }

failure-bad_reference =
    😕 I could not use your photo: it has been deleted, or the person is hard to see. Send me another photo and try again.
    { $prompt }
failure-bad_prompt =
    😕 I could not draw this. Rephrase the prompt or shorten it.
    { $prompt }
failure-bad_pose =
    🤸 I could not read the pose from the photo: it has been deleted, or does not show one person from head to toe. Draw in any pose, or choose another: /settings
    { $prompt }
failure-bad_image_prompt =
    🖼 I could not use the image prompt: it has been deleted, or the current model cannot follow one. Draw without it, or choose another: /settings
    { $prompt }
failure-bad_companion =
    👥 I could not draw these two people in one picture: the photos of the second person have been deleted, or the current model draws only one. Draw one person, or choose again: /people
    { $prompt }
failure-bad_style =
    🎨 This style cannot be drawn at the moment. Choose another one: /style
    { $prompt }
failure-refused_prompt =
    🚫 I can't draw this: no nudity and nobody under 18. Change the prompt and send it again.
    { $prompt }
failure-refused_photo =
    🚫 I can't use one of your photos: it shows nudity or someone who looks under 18. Delete it (your photos: /photos, pose photo and image prompt: /settings), send another one, then send the prompt again.
    { $prompt }
failure-refused_picture =
    🚫 I can't show the result: it contains nudity or someone who looks under 18. I have not kept it. Try again, or change the prompt.
    { $prompt }
failure-out_of_memory =
    😕 There was not enough memory for this picture. Please try again later.
    { $prompt }
failure-worker_lost =
    😕 The picture could not be made: the server stopped several times. Sorry about that, please try again.
    { $prompt }
failure-undeliverable =
    😕 The picture is ready, but Telegram did not accept it. Please try again.
    { $prompt }
failure-internal =
    😕 Something went wrong on my side. Sorry about that, please try again.
    { $prompt }
