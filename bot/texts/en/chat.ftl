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
    Style: { $style }. Another one is a tap away:

# /help and what I do not understand

help = <b>How it works</b>
    1. Send a photo of yourself (several make me better).
    2. Pick a style: /style
    3. Write in a sentence what you want to see.

    While I draw, one message shows your place in line and the progress; you can cancel there. Under the picture: again, other style, use the words anew.

    /photos – your photos
    /style – styles
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
    • What you asked me to draw: words, style, time, so that “again” works and I can count how much is drawn.
    • Finished pictures stay in this chat; I keep them only until Telegram has them.
    • Your Telegram number (ID), language and consent. No name, no phone.

    Photos are used to draw your pictures and for nothing else.

    Kept of you now: { $photos ->
        [one] { $photos } photo
       *[other] { $photos } photos
    }, { $pictures ->
        [one] { $pictures } picture request
       *[other] { $pictures } picture requests
    }.
privacy-ask-button = 🗑 Delete everything
privacy-confirm = 🗑 <b>Delete everything I keep of you?</b>
    Photos, requests and settings are deleted at once, and what is being drawn is called off. This cannot be undone.
privacy-delete-button = Yes, delete everything
privacy-keep-button = No, keep it
privacy-deleted = 🗑 <b>Everything is deleted.</b>
    Messages in this chat are yours: delete them in Telegram if you like. /start begins anew.

# Style

style-chosen = ✅ <b>Style: { $style }</b>
style-chosen-toast = Style: { $style }
style-gone = This style no longer exists. /style shows those there are.
back-button = ← Back

# Commands in Telegram's menu

command-start = Begin
command-photos = Your photos
command-style = Choose a style
command-language = Language
command-privacy = What I keep, deleting it
command-help = How it works
command-admin = Usage

error-unexpected = Something went wrong on my side. Please try again in a minute.
error-unknown-user = I keep nothing of you any more. /start begins anew.
