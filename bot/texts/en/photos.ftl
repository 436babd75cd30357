# Answers to a photo

photo-looking = 🔎 Checking your photo…
photo-paused = ⏸ Your photo is saved, but the server is unavailable right now. I'll check the photo as soon as the server is back; you don't need to do anything.
photo-album = <b>Your album: { $accepted ->
        [one] { $accepted } of { $photos } photos works
       *[other] { $accepted } of { $photos } photos work
    }.</b>
photo-album-line = Photo { $number }: { $verdict }

photo-verdict-accepted = ✅ This photo works, thanks!
photo-verdict-no-person = 🙅 I can't find a person in this photo. Send one with the face clearly visible.
photo-verdict-several-people = 👥 There are several people in this photo, and I don't know whom to draw. Crop it so that only one person is left, or send another photo.
photo-verdict-too-small = 🔍 This photo is too small. Send a larger one, preferably as a file.
photo-verdict-too-blurred = 🌫 This photo is too blurry. Send a sharp one, taken with a steady hand.
photo-verdict-too-dark = 🌑 This photo is too dark. Send one taken in daylight or with the lights on.
photo-verdict-unreadable = 💔 I can't open this photo. Save it as JPEG or PNG and send it again.
photo-verdict-minor = 🚫 The person in this photo looks under 18, and I only draw adults. I have not kept the photo. If you are an adult, send another one with your face clearly visible.
photo-verdict-nudity = 🚫 I don't accept photos with nudity and have not kept this one. Send a photo with clothes on.
photo-verdict-not-an-image = 📄 This is not a photo. Send me a JPEG, PNG, WebP or HEIC file.
photo-verdict-truncated = ✂️ This file is incomplete. Please send it again.
photo-verdict-file-too-big = 🐘 This file is larger than 20 MB, and Telegram won't let me download it. Send it as a photo instead of a file, or make it smaller.
photo-verdict-too-many-pixels = 🐘 This photo has too many pixels for me. Send it as a photo instead of a file, or make it smaller.
photo-verdict-too-costly = 🧩 This file takes too long to open. Send it as a photo instead of a file, or save it as a regular JPEG first.
photo-verdict-too-long = 📏 This photo is too long and narrow. Crop it to the person and send it again.
photo-verdict-animated = 🎞 This is an animation. Send me a still photo.
photo-verdict-not-fetched = 📡 I couldn't download the photo from Telegram. Please send it again.
photo-verdict-known = 👌 I already have this photo.
photo-verdict-too-many = 🗂 I store up to { $limit } photos of you. Delete one first: /photos
photo-verdict-choose-person = 👥 I can see { $count ->
        [one] { $count } person
       *[other] { $count } people
    } in this photo. Which one is you? Tap the number under the photo I sent back.

photo-verdict-other-person = 👥 The face here is not the one in your other photos. Choose what to do in the message above.
photo-verdict-no-pose = 🤸 Too little of the body is visible in this photo. Send one of a whole person.

# Another person than in the earlier photos

other-person-ask = 👥 Is this somebody else? { $count ->
        [one] The face in this photo
       *[other] The face in { $count } of these photos
    } is not the one in your other photos, and if I draw from both, the two of you get mixed up. Shall I keep the two apart, replace your earlier photos, is it the same person after all, or shall I ignore it?
other-person-separate-button = 👥 Keep both apart
other-person-replace-button = 🔄 Replace
other-person-add-button = ✅ Same person
other-person-ignore-button = 🗑 Ignore
other-person-separate = 👥 I keep the two apart and draw the new person from now on. Choose and name people: /people
other-person-replace = 🔄 From now on I draw from { $count ->
        [one] this photo
       *[other] these { $count } photos
    }; I deleted the earlier ones.
other-person-add = ✅ Then I'll use { $count ->
        [one] this photo
       *[other] these { $count } photos
    } together with the others.
other-person-ignore = 🗑 Deleted. I keep drawing from your other photos.
other-person-gone = 🗑 I no longer have this photo. Send it again if you need it.
other-person-gone-or-full = 🗂 I no longer have this photo, or there is no room for it: I store up to { $limit } photos of you. Delete one (/photos) and send it again.

# Several people in a photo

photo-choose-person = Which one is you? I'll use only this person.
photo-choose-nobody-button = 🙅 None of them
photo-choice-made = ✅ Number { $number }.
photo-choice-gone = 🗑 I no longer have this photo. Send another one.

# What an accepted photo lacks

photo-hint-portrait = It shows your head and shoulders: a full-length photo would let me draw your clothes and body too.
photo-hint-half-length = It doesn't show your legs: a full-length photo would let me draw your trousers and shoes too.
photo-hint-sitting = You are sitting in it: a photo of you standing would let me draw your body better.
photo-hint-lying = You are lying down in it: a photo of you standing would let me draw your body better.
photo-hint-from-behind = It shows you from behind: add one from the front so I can draw your face.
photo-hint-no-face = Your face is hard to see: add one that shows it clearly.
photo-hint-small-face = Your face is small in it: add a close-up so I can draw it more accurately.
photo-hint-head-cut-off = The top of your head is cut off: add one that shows all of your hair.
photo-hint-sunglasses = You are wearing sunglasses: add a photo without them so I can draw your eyes.

# A prompt that came before the photo

draft-waits-photo = 📝 I've saved your prompt: <i>{ $prompt }</i>
    Now send me a photo of yourself, and I'll start drawing right away.
draft-waits-verdict = 📝 I've saved your prompt: <i>{ $prompt }</i>
    I'm still checking your photo. If it works, I'll start drawing right away.
draft-drawn = Drawing: <i>{ $prompt }</i>
    Style: { $style }. You can follow the progress below.
draft-refused = You already have { $limit ->
        [one] { $limit } picture
       *[other] { $limit } pictures
    } in progress, so I could not add this prompt: <code>{ $prompt }</code>
    Wait for a picture or cancel one, then send the prompt again (tap to copy it).

# /photos

gallery-empty = 📷 I have no photos of you. Send me one: one person, good light, the face clearly visible.
gallery-photo = ✅ Photo { $number }: in use
gallery-photo-pending = 🔎 Photo { $number }: not checked yet
gallery-summary = <b>{ $count ->
        [one] { $count } photo
       *[other] { $count } photos
    } out of { $limit }.</b> I use all photos that work. Photos from different angles improve the likeness.
gallery-deleted = 🗑 Deleted. { $left ->
        [0] No photos left: send me a new one.
        [one] { $left } photo left: /photos
       *[other] { $left } photos left: /photos
    }
gallery-deleted-toast = Deleted
gallery-add = Just send me a photo, an image file or an album.
photo-delete-button = 🗑 Delete
photo-add-button = ➕ Add
photo-done-button = ✅ Done
