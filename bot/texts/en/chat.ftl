# /start, consent, the next step

welcome = 👋 <b>Hi! I draw you anywhere you like.</b>
    Send me a photo of yourself, pick a style and describe in one sentence what you want to see. I'll make a new picture of you, from head to toe.
welcome-back = 👋 <b>Good to see you again!</b>

consent-ask = Before we start, please confirm three things:
consent-renewed = My terms have changed. Please read and confirm them again:
consent-terms = • I am at least 18 years old.
    • I have the right to use the photos I send: they show me, or someone who has agreed to it.
    • I understand that the pictures are made by AI and do not show real events.

    What I store and how to delete it: /privacy
consent-held = 📥 I've saved what you sent and will use it as soon as you confirm.
consent-held-too = 📥 Saved too. Please confirm the terms above, and I'll use everything you sent.
consent-button = ✅ I confirm
consent-given = ✅ <b>Thank you!</b>
consent-outdated = These terms have been replaced. To see the new ones, send /start.
consent-first = Please confirm the terms first.

next-start = Send /start to begin.
next-photo = <b>Send me a photo of yourself.</b>
    One person, good light and a clearly visible face work best. A full-length photo also lets me draw your clothes and your body. You can send up to { $limit } photos, also as an album.
next-style = <b>Pick a style</b>, or just describe what you want to see.
next-prompt = <b>Describe in one sentence what you want to see</b>, for example: “walking in a forest”.
    Style: { $style }. You can change it below, and in the settings also likeness, clothes and pose.

# /help and what is not understood

help = <b>How it works</b>
    1. Send a photo of yourself. With several photos, the likeness is better.
    2. Pick a style: /style
    3. Describe in one sentence what you want to see.

    While I draw, a message shows your place in the queue and the progress; you can cancel there. With the buttons under a picture you can have it drawn again, get variations or the original file, change the style or the clothes, focus on the face or the body, or edit the prompt. To repeat a picture, add its seed to the prompt: “seed 123”.

    /gallery — your pictures
    /favourites — your favourites
    /photos — your photos
    /people — several people, and whom I draw
    /style — styles
    /settings — likeness, clothes, pose
    /language — language
    /privacy — what I store and how to delete it
    /export — a copy of your data
unknown-command = I don't know this command. What I can do: /help
caption-command = I only follow commands that come as a message of their own, without a photo. All commands: /help
unknown-content = I only understand photos and text. Send me a photo, or describe what you want to see. More: /help
unknown-press = This button no longer works. What I can do: /help
prompt-edited = I don't see edits in messages already sent. If you want a new picture, send the new text as a new message.
group = 👋 I draw here too: send “/draw in a forest”, reply to one of my messages, or mention me: “@{ $name } in a forest”. Your photos stay in our private chat; here I only post the picture that you ask for.
group-needs-photo = 📷 I have no photo of you yet. Send me one in our private chat, then ask again here.
group-private-button = ✉️ Private chat
inline-start = Get your first picture

# /language

language-name = English
language-ask = Choose a language:
language-chosen = I speak English now.

# /privacy

privacy = 🔒 <b>What I store</b>
    • Your photos, until you delete them: /photos. With each I keep numbers that describe the face, to notice a photo of somebody else. I delete rejected photos at once, and photos about which I asked you something after an hour without an answer.
    • One pose photo, if you send one, until you replace or delete it: /settings. I only use the pose from it.
    • One image prompt, if you choose one, until you replace or delete it: /settings. I only use the style from it.
    • Your picture requests: prompt, style, settings and time. They are needed to draw a picture again and to count pictures.
    • Finished pictures stay in this chat and in /gallery, until you delete them with “More”. I keep the original file until you take it with “File”, at most { $days ->
        [one] { $days } day
       *[other] { $days } days
    }.
    • What you send before you agree: its text and Telegram's ID of the photo, at most 7 days. I only open the photo once you agree.
    • Your Telegram ID, language, settings and consent, and the names that you give in /people. No name and no phone number of yours.

    • The people who run the bot see your Telegram ID, dates, settings, how many pictures you asked for and how they ended. They see a picture of yours, its prompt or your photos only if you report the picture or appeal against a refusal. What they do is recorded, without content. They can send a message to all users.
    • After you delete everything, counts without any person stay, such as pictures per hour. If you were blocked, limited or put on the access list, a one-way code made from your Telegram ID stays, so that this still holds if you return.

    Your photos are used to draw your pictures and for nothing else.

    Stored about you: { $photos ->
        [one] { $photos } photo
       *[other] { $photos } photos
    }, { $pictures ->
        [one] { $pictures } picture request
       *[other] { $pictures } picture requests
    }.
privacy-pose-photo = Also one pose photo.
privacy-image-prompt = Also one image prompt.
privacy-rights = A copy of all this: /export
privacy-contact = The bot is run by: { $contact }
privacy-ask-button = 🗑 Delete everything
privacy-confirm = 🗑 <b>Delete everything I store about you?</b>
    Your photos, the pose photo, the image prompt, picture requests and settings will be deleted at once, and pictures in progress will be cancelled. I take back pictures that I posted in groups within the last two days; older ones Telegram does not let me delete. This cannot be undone.
privacy-delete-button = Yes, delete everything
privacy-keep-button = No, keep it
privacy-deleted = 🗑 <b>Everything has been deleted.</b>
    The messages in this chat are yours: you can delete them in Telegram. To start over, send /start.

retention-notice = 🗑 <b>You have not written to me for a long time.</b>
    In { $days ->
        [one] { $days } day
       *[other] { $days } days
    } I will delete everything that I store about you: your photos, picture requests and settings. The messages in this chat stay.
    To keep it all, send me any message before then, /photos for example. A copy of your data: /export. Delete it now: /privacy

# /export

export-caption = 📦 <b>Everything I store about you.</b>
    Photos, the original files of pictures that I still keep, and the file data.json with your requests, settings and consents.
export-part = { $caption } Part { $number } of { $count }.
export-readme = This archive holds everything that the bot stores about you.
    data.json: all rows of the database about you. Where a value is a file, there is the name of the file.
    reference_photos: your photos, and what was read from them to draw you (profile) and to tell you from others (face).
    pose_photos: the pose photo.
    image_prompts: the picture whose style I follow.
    jobs: your picture requests; files there are the original files of pictures that I still keep. All pictures sent are in the chat.
    people: the people whom your photos show, and their names.
    review_cases: pictures that you reported, and your appeals.
    access_rules and audit_entries: what the people who run the bot decided about your account and looked at, if anything.
    consents: which version of the terms you confirmed, and when.
    credit_entries and payments: credits and payments, if there are any.

# Style

style-chosen = ✅ <b>Style: { $style }</b>
style-chosen-toast = Style: { $style }
style-gone = This style no longer exists. Pick another one: /style
styles-button = 🎨 Styles
page-before-button = ← { $page } of { $pages }
page-after-button = { $page } of { $pages } →
back-button = ← Back

# /settings

settings = ⚙️ <b>How I draw you</b>
    Likeness: { $likeness }
    Clothes: { $clothes }
    { $aspect }
    { $pose }{ $image_prompt }

    These settings apply to future pictures. The buttons under a picture only redraw that picture.
settings-pose = Pose: { $pose }
settings-image-prompt = Image prompt: { $image_prompt }
settings-aspect = Format: { $aspect }
settings-button = ⚙️ Settings
likeness-face = focus on the face
likeness-balanced = face and body equally
likeness-body = focus on the body
likeness-face-button = 🙂 Face
likeness-balanced-button = ⚖️ Balanced
likeness-body-button = 🧍 Body
clothes-keep = as in your photos
clothes-change = from your prompt
clothes-keep-button = 👕 From photos
clothes-change-button = 👗 From prompt
aspect-unavailable = Format: upright. The current model draws no other.
aspect-square = square, 1:1
aspect-portrait = upright, 2:3
aspect-landscape = wide, 3:2
aspect-tall = phone screen, 9:16
aspect-square-button = 1:1
aspect-portrait-button = 2:3
aspect-landscape-button = 3:2
aspect-tall-button = 9:16

# Pose

pose-unavailable = Pose: any. The current model cannot draw a chosen pose.
pose-ask = 🤸 <b>Choose a pose.</b> Now: { $pose }
    “Pose from a photo”: send me a photo of anyone in the pose you want.
pose-list-ask = 🤸 <b>Choose a pose.</b> Now: { $pose }
    To keep a pose for all pictures or take one from a photo: /settings
pose-choose-button = 🤸 Choose a pose
pose-list-button = 🤸 All poses
pose-once = { $pose } (for the next picture)
pose-pinned = { $pose } (for all pictures)
pose-free = any
pose-photo = from a photo
pose-standing = standing
pose-walking = walking
pose-sitting = sitting
pose-kneeling = kneeling
pose-lying = lying down
pose-arms_raised = arms raised
pose-hands_on_hips = hands on hips
pose-waving = waving
pose-free-button = 🎲 Any pose
pose-photo-button = 📷 Pose from a photo
pose-standing-button = 🧍 Standing
pose-walking-button = 🚶 Walking
pose-sitting-button = 🪑 Sitting
pose-kneeling-button = 🧎 Kneeling
pose-lying-button = 🛌 Lying down
pose-arms_raised-button = 🙌 Arms raised
pose-hands_on_hips-button = 💃 Hands on hips
pose-waving-button = 👋 Waving
pose-pin-button = 📌 For all pictures
pose-unpin-button = 📌 For one picture
pose-another-button = 📷 Another photo
pose-delete-button = 🗑 Delete photo
pose-photo-ask = 📷 <b>Now send me the pose photo.</b>
    It can show anyone; ideally, one person from head to toe. I only use the pose, not the face or the clothes.
pose-photo-kept = 🤸 <b>Pose photo saved.</b> Your next picture will use its pose; face and clothes still come from your own photos.
    Did you want to add a photo of yourself? Then send it again.
pose-photo-verdict-no-person = 🙅 I can't find anyone in this pose photo. Send one that shows a person, best of all from head to toe.
pose-photo-verdict-several-people = 👥 There are several people in this pose photo. Send one that shows only the person whose pose you want.
pose-photo-verdict-no-pose = 🤸 I can't make out the pose in this photo: I need shoulders or hips, and arms or legs. Send one that shows the person from head to toe.
pose-prompt-returned = I have not used your prompt: <code>{ $prompt }</code>
    Send it again with the next pose photo (tap it to copy).

# Image prompt

image-prompt-unavailable = Image prompt: none. The current model cannot follow the style of a picture.
image-prompt = 🖼 <b>Image prompt.</b> Now: { $image_prompt }
    It is a picture whose style I follow: technique, colours, mood. The person still comes from your own photos. An image prompt is used for one picture, unless you keep it for all.
    You can also take one with the button under a photo that you have sent, or with “More” under a picture of mine.
image-prompt-button = 🖼 Image prompt
image-prompt-none = none
image-prompt-once = your saved picture (for the next picture)
image-prompt-pinned = your saved picture (for all pictures)
image-prompt-none-button = None
image-prompt-stored-button = Saved picture
image-prompt-send-button = 🖼 Send a picture
image-prompt-another-button = 🖼 Another picture
image-prompt-delete-button = 🗑 Delete picture
image-prompt-pin-button = 📌 For all pictures
image-prompt-unpin-button = 📌 For one picture
image-prompt-take-button = 🖼 Take this style
image-prompt-take-photo-button = 🖼 Take the style of this photo
image-prompt-ask = 🖼 <b>Now send me the picture whose style you want.</b>
    A painting, a frame of a film, any photo. I only use the style, not the people.
image-prompt-kept = 🖼 <b>Image prompt saved.</b> Your next picture will follow the style of this one; the person still comes from your own photos.
image-prompt-moved = I no longer use it as a photo of you. If it should be one, send it again.
image-prompt-photo-gone = I can no longer see that photo. Send it again.
image-prompt-returned = I have not used your prompt: <code>{ $prompt }</code>
    Send it again with the next picture (tap it to copy).

# What Telegram shows before the first message

bot-description = Send me a photo of yourself and describe in one sentence what you want to see. I'll draw a new picture of you, from head to toe: anywhere you like, in the style you choose.

    The pictures are made by AI. What I store and how to delete it: /privacy
bot-short-description = I draw you anywhere you like: send a photo and describe the picture in one sentence.

# Commands in Telegram's menu

command-start = Start
command-photos = Your photos
command-people = Whom I draw
command-style = Choose a style
command-gallery = Your pictures
command-favourites = Your favourites
command-settings = Likeness, clothes, pose
command-language = Language
command-privacy = What I store and how to delete it
command-export = A copy of your data
command-help = How it works
command-draw = Draw me, for example: /draw in a forest
command-admin = Administration

error-too-fast = 🐢 Too many messages at once: I am skipping new ones. Wait half a minute, then send them again.
error-unexpected = Something went wrong on my side. Please try again in a minute.
error-unknown-user = I no longer store anything about you. To start over, send /start.
