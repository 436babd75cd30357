# Keys of the HTTP API

admin-keys = 🔑 <b>API keys</b>, { $page }

    { $rows }
service-keys-button = 🔑 API keys
admin-key-line = <b>{ $app }</b> · <code>{ $id }</code>
    Owner { $owner } · { $scopes } · { $number }/min
    { $count ->
        [one] { $count } end user
       *[other] { $count } end users
    }, { $used }
admin-key-used = last used { $date }
admin-key-unused = not used yet
admin-keys-usage = <code>/admin key NAME</code> makes a key for an app. You can add scopes, requests per minute and the owner, whose credits pay: <code>/admin key NAME read,draw,people 60/min owner=123</code>
    <code>/admin revoke ID</code> revokes a key.
admin-key-made = 🔑 A key for <b>{ $app }</b>. It is shown only now; hand it over and delete this message.
    Key: <code>{ $key }</code>
    Secret of its callbacks: <code>{ $secret }</code>
    To revoke it: <code>/admin revoke { $id }</code>
admin-key-revoked = The key { $id } is revoked. Its app and end users are kept.
admin-no-key = There is no key { $id } in force. <code>/admin keys</code> lists them.

# The Mini App

mini-app-button = Gallery
mini-app-pictures = Pictures
mini-app-favourites = Favourites
mini-app-all = All
mini-app-styles = Styles
mini-app-photos = My photos
mini-app-no-pictures = No pictures yet. Describe one in the chat.
mini-app-no-favourites = No favourites yet. Tap the star under a picture.
mini-app-no-photos = No photos yet. Send one in the chat.
mini-app-photo-pending = Being checked
mini-app-delete-photo = Delete
mini-app-delete-ask = Delete this photo?
mini-app-add-photo = Send more photos in the chat, up to { $limit }.
mini-app-chosen = For your next pictures
mini-app-more = Show more
mini-app-close = Close
mini-app-keep = Keep
mini-app-seed = seed
mini-app-favourite = Favourite
mini-app-failed = That did not work. Close this page and open it again.
mini-app-start-first = Send /start to the bot and confirm the terms first.
mini-app-everybody = Everybody
mini-app-no-pictures-of = No pictures of this person yet.
mini-app-delete-picture-ask = Delete this picture, its prompt and its file? This cannot be undone.
