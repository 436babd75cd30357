# /people

people = 👥 <b>Your people: { $count } of { $limit }</b>
    { $people }

    I draw the one that is ticked, and new photos are theirs. Tap a name to choose, rename or delete.
people-line = { $mark } { $name } — { $count ->
        [one] { $count } photo
       *[other] { $count } photos
    }
people-line-current = ✅ { $name } — { $count ->
        [one] { $count } photo
       *[other] { $count } photos
    }
people-none = 👥 I have no photos of anyone yet. Send me a photo of yourself first.
person-first = You
person-number = Person { $number }
person-new-button = ➕ New person
person-choose-button = ✅ Draw this person
person-together-button = 👥 Draw both
person-alone-button = 👤 Draw one person
person-photos-button = 📷 Photos
person-rename-button = ✏️ Rename
person-delete-button = 🗑 Delete
person-confirm-delete-button = 🗑 Yes, delete
person-page = 👤 <b>{ $name }</b>: { $accepted ->
        [one] { $accepted } photo
       *[other] { $accepted } photos
    } in use, up to { $limit }.
person-current = ✅ I draw this person now.
person-not-current = I draw somebody else now.
person-companion = 👥 In the next picture beside the person whom I draw now.
person-together = 👥 <b>The next picture shows two people:</b> { $first } on the left, { $second } on the right. Say in the prompt that there are two, for example: two friends in a park.
    This is for one picture. Its pose is free.
person-alone = The next picture shows one person.
person-chosen = Now I draw: { $name }
person-added = 👤 <b>{ $name }: a new person.</b> Now send up to { $limit } photos of them, also as an album. I draw this person until you choose another one: /people
    They must be an adult and have agreed to it.
person-name-ask = ✏️ <b>Reply to this message with a name</b> for “{ $name }”, up to { $limit } characters.
person-named = 👤 The name is now: <b>{ $name }</b>. All people: /people
person-delete-ask = Delete “{ $name }” with all their photos? Pictures already made stay. This cannot be undone.
person-deleted = 🗑 Deleted. Your people: /people
person-lacks-portrait = All photos show head and shoulders: add a full-length one for clothes and body.
person-lacks-half-length = No photo shows the legs: add a full-length one for trousers and shoes.
person-lacks-sitting = All photos show the person sitting: add one of them standing.
person-lacks-lying = All photos show the person lying down: add one of them standing.
person-lacks-from-behind = All photos are from behind: add one from the front.
person-lacks-no-face = The face is hard to see in all photos: add one that shows it clearly.
person-lacks-small-face = The face is small in all photos: add a close-up.
person-lacks-head-cut-off = The top of the head is cut off in all photos: add one that shows all of the hair.
person-lacks-sunglasses = The person wears sunglasses in all photos: add one without them.
photo-of-person = 👤 Photos of: { $name }
photo-cover-button = ⭐ Cover
photo-cover-set = This photo is the cover in /people now.

error-one-person-only = 👥 The model that is running now draws one person per picture.
error-companion-gone = 👥 No photo of the second person is left, so I cannot draw both. Nothing was drawn and nothing was spent. Choose in /people: add a photo of that person, or draw one person.
error-person-gone = This person has been deleted. Your people: /people
error-too-many-people = 👥 You have { $limit } people, and there is no room for more. Delete one first: /people
error-person-name = ✏️ A name needs at least one letter and at most { $limit } characters. Please reply to my question once more.
