# Words that cannot be drawn

error-prompt-empty = ✍️ I see no words here. Write in a sentence what you want to see.
error-prompt-wordless = ✍️ Lovely, but I need words. Write in a sentence what you want to see, for example: “on a beach at sunset”.
error-prompt-too-long = ✂️ That's { $length } characters, I can take up to { $limit }. Your text stays above: shorten it and send it again.

# Buttons under status messages and pictures

job-cancel-button = ✖️ Cancel
job-again-button = 🔄 Again
job-style-button = 🎨 Other style
job-reuse-button = ✍️ Use the words
job-face-button = 🙂 More my face
job-body-button = 🧍 More my figure
job-other-clothes-button = 👗 Other clothes
job-own-clothes-button = 👕 My clothes
job-free-pose-button = 🎲 Draw in a free pose
job-retry-button = 🔄 Try again

job-in-line = In the line!
job-in-line-free-pose = In the line! The photo of its pose is not kept any more, so the pose will be free.
job-in-line-already = It is in work already.
job-cancelled = Cancelled.
job-too-late = Too late: it has ended already.
job-pick-style = Pick a style: I'll draw the same words in it.
job-reuse = ✍️ Your words, a tap copies them: <code>{ $words }</code>
    Change what you like and send them to me. The style was { $style }, another: /style

error-picture-gone = I no longer keep this picture's words. Write them anew and I draw.
error-no-photos = I have no photo of you any more. Send me one and press again.
error-too-many-open-jobs = ⏳ You have { $limit ->
        [one] { $limit } picture
       *[other] { $limit } pictures
    } in work already. Wait for one or cancel one, then send this again.
