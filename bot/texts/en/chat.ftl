# /start, consent, what comes next

welcome = 👋 <b>Hi! I draw you wherever you like.</b>
    Send me a photo of yourself, pick a style, and say in a sentence what you want to see. I draw a new picture of you, the whole of you.
welcome-back = 👋 <b>Good to see you again!</b>

consent-ask = Before we start, please confirm three things:
consent-renewed = My terms have changed. Please read and confirm them again:
consent-terms = • I am an adult.
    • I may use the photos I send: they show me, or the person in them has agreed.
    • I know that the pictures are made by AI and do not show real events.

    /privacy tells what I keep and how to delete it.
consent-button = ✅ I confirm
consent-given = ✅ <b>Thank you, noted.</b>
consent-outdated = These terms have been replaced by newer ones.
consent-first = Please confirm the terms first.

next-start = Press /start to begin.
next-photo = 📷 <b>Send me a photo of yourself.</b>
    Best is one person, in good light, face clearly visible. A full-length photo lets me draw your clothes and figure too. Up to { $limit } photos, also as an album.
next-style = 🎨 <b>Pick a style</b>, or just write what you want to see.
next-prompt = ✍️ <b>Write in a sentence what you want to see</b>, for example: “walking in a forest in a red jacket”.
    Style: { $style }. To change it, or likeness, clothes and pose, tap here:

# /help and what I do not understand

help = <b>How it works</b>
    1. Send a photo of yourself (several make me better).
    2. Pick a style: /style
    3. Write in a sentence what you want to see.

    While I draw, one message shows your place in line and the progress; you can cancel there. Under the picture: again, other style, more like your face or figure, other clothes, use the words anew.

    /photos – your photos
    /style – styles
    /settings – face or figure, your clothes or others, pose
    /language – language
    /privacy – what I keep, and deleting it
unknown-command = I don't know this command. /help lists what I can do.
unknown-content = I understand photos and written words, not this. Send me a photo, or write what you want to see. /help
unknown-press = This button is from long ago and no longer works. /help shows the way.
prompt-edited = I don't see changes in messages already sent. To have it drawn, send the new text as a new message.
group = I work in private chats only: there your photos stay between us. Write to me: @{ $name }

# /language

language-name = English
language-ask = Which language shall I speak?
language-chosen = I speak English now.

# /privacy

privacy = 🔒 <b>What I keep</b>
    • Your photos, until you delete them: /photos. Refused photos are forgotten at once.
    • One photo for a pose, if you send one, until you send another or delete it: /settings. I take only the pose from it.
    • What you asked me to draw: words, style, settings, time, so that “again” works and I can count how much is drawn.
    • Finished pictures stay in this chat; I keep them only until Telegram has them.
    • Your Telegram number (ID), language, settings and consent. No name, no phone.

    Photos are used to draw your pictures and for nothing else.

    Kept of you now: { $photos ->
        [one] { $photos } photo
       *[other] { $photos } photos
    }, { $pictures ->
        [one] { $pictures } picture request
       *[other] { $pictures } picture requests
    }.
privacy-pose-photo = And your photo for a pose.
privacy-ask-button = 🗑 Delete everything
privacy-confirm = 🗑 <b>Delete everything I keep of you?</b>
    Photos, the one for a pose too, requests and settings are deleted at once, and what is being drawn is called off. This cannot be undone.
privacy-delete-button = Yes, delete everything
privacy-keep-button = No, keep it
privacy-deleted = 🗑 <b>Everything is deleted.</b>
    Messages in this chat are yours: delete them in Telegram if you like. /start begins anew.

# Style

style-chosen = ✅ <b>Style: { $style }</b>
style-chosen-toast = Style: { $style }
style-gone = This style no longer exists. /style shows those there are.
back-button = ← Back

# /settings

settings = ⚙️ <b>How I draw you</b>
    Likeness: { $likeness }
    Clothes: { $clothes }
    { $pose }

    This is for pictures to come. The buttons under a picture redraw that one.
settings-pose = Pose: { $pose }
settings-button = ⚙️ Face, clothes, pose
likeness-face = more care for the face
likeness-balanced = face and figure alike
likeness-body = more care for the figure
likeness-face-button = 🙂 Face
likeness-balanced-button = ⚖️ Alike
likeness-body-button = 🧍 Figure
clothes-keep = those in your photos
clothes-change = new ones, as your words say
clothes-keep-button = 👕 As in photos
clothes-change-button = 👗 As I write

# Pose

pose-unavailable = Pose: free. The model that draws now cannot take a pose.
pose-ask = 🤸 <b>Which pose?</b> Now: { $pose }
    “As in my photo”: you send a photo of anybody in the pose you want.
pose-choose-button = 🤸 Choose a pose
pose-free = 🎲 Free
pose-photo = 📷 As in my photo
pose-standing = 🧍 Standing
pose-walking = 🚶 Walking
pose-sitting = 🪑 Sitting
pose-kneeling = 🧎 Kneeling
pose-lying = 🛌 Lying
pose-arms_raised = 🙌 Arms raised
pose-hands_on_hips = 💃 Hands on hips
pose-waving = 👋 Waving
pose-another-button = 📷 Another photo
pose-delete-button = 🗑 Delete the photo
pose-photo-ask = 📷 <b>Now send me a photo of the pose.</b>
    Anybody will do, best one person, all of them in view. I take only the pose from it: neither face nor clothes.
pose-photo-kept = 🤸 <b>Got the pose.</b> Pictures to come take it from this photo; face and clothes still come from yours.
    Was it a photo of you to draw from? Then send it once more.
pose-skipped = 🎲 free pose: this model cannot take one

# Commands in Telegram's menu

command-start = Begin
command-photos = Your photos
command-style = Choose a style
command-settings = Likeness, clothes, pose
command-language = Language
command-privacy = What I keep, deleting it
command-help = How it works
command-admin = Usage

error-too-fast = 🐢 You send faster than I can keep up, so I leave out what comes now. Wait half a minute, then send it again.
error-unexpected = Something went wrong on my side. Please try again in a minute.
error-unknown-user = I keep nothing of you any more. /start begins anew.
