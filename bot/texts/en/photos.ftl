# What becomes of a photo

photo-looking = 🔎 Looking at your photo…
photo-paused = ⏸ Got it, your photo is kept. The line is paused right now: I'll look at it as soon as I'm back at work, you need do nothing.
photo-album = <b>Your album: { $accepted ->
        [one] { $accepted } of { $photos } photos suits
       *[other] { $accepted } of { $photos } photos suit
    }.</b>
photo-album-line = Photo { $number }: { $verdict }

photo-verdict-accepted = ✅ Suits, thank you!
photo-verdict-no-person = 🙅 I can't find a person here. A photo with the face clearly visible would help.
photo-verdict-several-people = 👥 There are several people here, and I don't know which one to draw. Crop the photo to one person, or send another.
photo-verdict-too-small = 🔍 Too small: details are missing. Send a larger photo, best as a file.
photo-verdict-too-blurred = 🌫 Too blurred. A sharp photo, taken with a steady hand, would help.
photo-verdict-too-dark = 🌑 Too dark. A photo in daylight or with the light on would help.
photo-verdict-unreadable = 💔 I can't open this picture. Save it as JPEG or PNG and send it again.
photo-verdict-minor = 🚫 This person looks under 18, and I draw adults only. I have not kept the photo. If you are an adult, send another one with the face clearly visible.
photo-verdict-nudity = 🚫 I don't take photos with nudity and have not kept this one. Send me a photo with clothes on.
photo-verdict-not-an-image = 📄 This is not a picture. I need a photo: JPEG, PNG, WebP or HEIC.
photo-verdict-truncated = ✂️ The file is cut off, part of the picture is missing. Send it once more.
photo-verdict-file-too-big = 🐘 The file is larger than 20 MB, Telegram won't hand me that much. Send it as a photo rather than as a file, or make it smaller.
photo-verdict-too-many-pixels = 🐘 The picture has too many pixels for me. Send it as a photo rather than as a file, or make it smaller.
photo-verdict-too-costly = 🧩 This file takes me too long to open. Send it as a photo rather than as a file, or save it as an ordinary JPEG and send that.
photo-verdict-too-long = 📏 The picture is far longer than wide. Crop it to the person and send it again.
photo-verdict-animated = 🎞 This is an animation. Send me a still photo.
photo-verdict-not-fetched = 📡 I could not fetch the photo from Telegram. Send it once more.
photo-verdict-known = 👌 I have this photo already.
photo-verdict-too-many = 🗂 I keep at most { $limit } photos of you. Delete one first: /photos

# Words that came first

draft-waits-photo = 📝 I'll remember your words: <i>{ $words }</i>
    Now send me a photo of yourself, and I draw them at once.
draft-waits-verdict = 📝 I'll remember your words: <i>{ $words }</i>
    I'm still looking at your photo. If it suits, I draw at once.
draft-drawn = 🖌 I draw your words: <i>{ $words }</i>
    Style: { $style }. You can follow it below.
draft-refused = ⏳ You have { $limit ->
        [one] { $limit } picture
       *[other] { $limit } pictures
    } in work already, so these words did not fit in: <code>{ $words }</code>
    Wait for a picture or cancel one, then send them again (a tap copies them).

# /photos

gallery-empty = 📷 I have no photos of you. Send me one: one person, good light, face clearly visible.
gallery-photo = Photo { $number } · ✅ in use
gallery-photo-pending = Photo { $number } · 🔎 not looked at yet
gallery-summary = <b>{ $count ->
        [one] { $count } photo
       *[other] { $count } photos
    } of { $limit }.</b> I draw from all that suit. Photos from different sides make pictures more like you.
gallery-deleted = 🗑 Deleted. { $left ->
        [0] No photos left: send me a new one.
        [one] { $left } photo left: /photos
       *[other] { $left } photos left: /photos
    }
gallery-deleted-toast = Deleted
gallery-add = Just send me the photo: as a photo, a file or an album.
photo-delete-button = 🗑 Delete
photo-add-button = ➕ Add
photo-done-button = ✅ Done
