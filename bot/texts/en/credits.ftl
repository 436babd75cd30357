# /balance, /buy, payments

credits-count = { $credits ->
        [one] { $credits } credit
       *[other] { $credits } credits
    }
stars-count = { $stars ->
        [one] { $stars } Star
       *[other] { $stars } Stars
    }
balance = 💳 <b>Your balance</b>
    Free pictures left today: { $free } of { $limit } (new ones at 00:00 UTC)
    Credits: { $credits }
    Reserved for pictures in progress: { $reserved }

    A picture costs one credit; free pictures are used first. Pictures that fail, are refused or are cancelled cost nothing.

    /buy — buy credits
    /invite — get credits for inviting friends
    /terms — terms of purchase
buy = 💳 <b>Buy credits with Telegram Stars</b>
    { $packs }

    One credit is one picture. Credits don't expire. By paying you accept the /terms.
buy-pack = • { $credits } for { $stars }
buy-pack-button = 💳 { $credits }
buy-gone = This offer no longer exists. See the current ones: /buy
invoice-title = { $credits }
invoice-description = One credit is one picture. Credits don't expire; pictures that fail cost nothing. Terms: /terms
payment-off = Credits are not on sale at the moment. No Stars were charged.
payment-gone = This offer no longer exists; no Stars were charged. See the current ones: /buy
payment-done = ✅ <b>Thank you! { $bought } added.</b>
    You now have { $credits }.
payment-unclear = I have received your payment, but it does not match any offer. Please write to { $contact } and include your transaction ID: <code>{ $charge }</code>
payment-operator = the operator of this bot
payment-recorded = ✅ <b>Thank you!</b> Your payment has been recorded.
payment-refunded = ↩️ <b>Your payment has been refunded.</b>
    Unspent credits of this purchase have been removed.
paysupport = 💬 <b>Help with payments</b>
    Write to { $contact } and include the transaction ID. Telegram's support cannot help with purchases made in this bot.

    { $payments }
paysupport-payment = • { $date }: { $credits } for { $stars }
    <code>{ $charge }</code>
paysupport-refunded = • { $date }: { $credits } for { $stars }, refunded
    <code>{ $charge }</code>
paysupport-none = You have not bought anything yet.
terms = 📄 <b>Terms of purchase</b>
    • One credit pays for one picture. { $limit ->
        [0] There are no free pictures.
        [one] { $limit } picture a day (UTC) is free.
       *[other] { $limit } pictures a day (UTC) are free.
    }
    • A picture that fails, is refused or is cancelled costs nothing: its credit comes back.
    • You buy credits with Telegram Stars. They are added at once and don't expire.
    • Credits cannot be exchanged for money or Stars, or given to others. If you delete your data (/privacy), unspent credits are lost.
    • If something went wrong with a purchase, ask for a refund: /paysupport. Unspent credits of that purchase are removed then.
    • Pictures are made by AI and may differ from what you had in mind.

    Seller: { $contact }
error-no-credits = You have no credits left for a picture. Buy some: /buy. Your balance: /balance
draft-no-credits = You have no credits left, so I could not add this prompt: <code>{ $prompt }</code>
    Buy some with /buy, or wait for tomorrow's free pictures; then send the prompt again (tap to copy it).
help-credits = /balance — your credits
    /buy — buy credits
    /invite — invite friends
    /terms — terms of purchase
    /paysupport — help with payments
command-balance = Your credits
command-buy = Buy credits
command-invite = Invite friends
command-terms = Terms of purchase
command-paysupport = Help with payments

# /invite

invite = 🎁 <b>Invite friends</b>
    Share this link: { $link }

    When someone who is new here gets their first picture, you both receive { $credits }.
invitation-noted = 🎁 A friend invited you. After your first picture you both get { $credits }.
invitation-void = This invitation is for new users only.
invitation-earned = 🎁 An invitation has earned you { $credits ->
        [one] { $credits } credit
       *[other] { $credits } credits
    }. Your balance: /balance

# /privacy

privacy-credits = • Your credits: what was added, spent and returned, and when; who invited you, until your first picture. Payments: transaction ID, amount and time. The people who run the bot see them too.
    After you delete everything, payments stay without your Telegram ID. For 180 days I also keep a one-way code made from your Telegram ID, so that free pictures and invitations can't be used twice.
privacy-confirm-credits = You also lose { $credits ->
        [one] { $credits } credit
       *[other] { $credits } credits
    }.

# For admins

admin-credits-usage = Credits:
    <code>/admin grant USER_ID NUMBER</code>
    <code>/admin refund TRANSACTION_ID</code>
    <code>/admin refund TRANSACTION_ID USER_ID</code> if the buyer has deleted their data
admin-granted = ✅ Added { $credits ->
        [one] { $credits } credit
       *[other] { $credits } credits
    } for user { $user }.
admin-no-user = There is no user { $user }: they have never written to the bot, or have deleted their data.
admin-no-payment = There is no payment with this transaction ID.
admin-refunded = ↩️ { $stars } refunded to user { $user }.
admin-refunded-before = This payment had been refunded before.
admin-refund-needs-user = The buyer has deleted their data. Add their Telegram ID: <code>/admin refund TRANSACTION_ID USER_ID</code>
admin-refund-failed = Telegram did not refund it: { $reason }
