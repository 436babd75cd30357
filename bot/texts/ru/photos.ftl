# What becomes of a photo

photo-looking = 🔎 Смотрю ваше фото…
photo-paused = ⏸ Фото получил и сохранил. Очередь сейчас стоит: посмотрю, как только вернусь к работе, от вас ничего не нужно.
photo-album = <b>Ваш альбом: { $accepted ->
        [one] подходит { $accepted } фото из { $photos }
        [few] подходят { $accepted } фото из { $photos }
       *[many] подходит { $accepted } фото из { $photos }
    }.</b>
photo-album-line = Фото { $number }: { $verdict }

photo-verdict-accepted = ✅ Подходит, спасибо!
photo-verdict-no-person = 🙅 Не вижу здесь человека. Поможет фото, где хорошо видно лицо.
photo-verdict-several-people = 👥 Здесь несколько человек, и я не знаю, кого рисовать. Обрежьте фото до одного человека или пришлите другое.
photo-verdict-too-small = 🔍 Слишком маленькое: не хватает деталей. Пришлите фото крупнее, лучше файлом.
photo-verdict-too-blurred = 🌫 Слишком размыто. Поможет чёткое фото, снятое без дрожи.
photo-verdict-too-dark = 🌑 Слишком темно. Поможет фото при дневном свете или с включённой лампой.
photo-verdict-unreadable = 💔 Не могу открыть эту картинку. Сохраните её в JPEG или PNG и пришлите ещё раз.
photo-verdict-minor = 🚫 Похоже, здесь человек младше 18 лет, а я рисую только взрослых. Фото я не сохранил. Если вам уже есть 18, пришлите другое, где хорошо видно лицо.
photo-verdict-nudity = 🚫 Фото с обнажённым телом я не беру и это не сохранил. Пришлите фото в одежде.
photo-verdict-not-an-image = 📄 Это не картинка. Мне нужно фото: JPEG, PNG, WebP или HEIC.
photo-verdict-truncated = ✂️ Файл обрывается, части картинки не хватает. Пришлите его ещё раз.
photo-verdict-file-too-big = 🐘 Файл больше 20 МБ, столько Telegram мне не отдаст. Пришлите его как фото, а не файлом, или уменьшите.
photo-verdict-too-many-pixels = 🐘 В картинке слишком много пикселей. Пришлите её как фото, а не файлом, или уменьшите.
photo-verdict-too-costly = 🧩 Этот файл слишком долго открывать. Пришлите его как фото, а не файлом, или пересохраните в обычный JPEG.
photo-verdict-too-long = 📏 Картинка слишком вытянутая. Обрежьте её до человека и пришлите ещё раз.
photo-verdict-animated = 🎞 Это анимация. Пришлите обычное, неподвижное фото.
photo-verdict-not-fetched = 📡 Не удалось получить фото из Telegram. Пришлите его ещё раз.
photo-verdict-known = 👌 Это фото у меня уже есть.
photo-verdict-too-many = 🗂 Я храню не больше { $limit } ваших фото. Сначала удалите какое-нибудь: /photos

# Words that came first

draft-waits-photo = 📝 Запомнил ваши слова: <i>{ $words }</i>
    Теперь пришлите своё фото, и я сразу их нарисую.
draft-waits-verdict = 📝 Запомнил ваши слова: <i>{ $words }</i>
    Ещё смотрю ваше фото. Если подойдёт, сразу начну рисовать.
draft-drawn = 🖌 Рисую ваши слова: <i>{ $words }</i>
    Стиль: { $style }. Ход работы виден ниже.
draft-refused = ⏳ У вас в работе уже { $limit ->
        [one] { $limit } картинка
        [few] { $limit } картинки
       *[many] { $limit } картинок
    }, и эти слова не поместились: <code>{ $words }</code>
    Дождитесь картинки или отмените одну и пришлите их снова (нажатие копирует).

# /photos

gallery-empty = 📷 Ваших фото у меня нет. Пришлите одно: один человек, хороший свет, лицо хорошо видно.
gallery-photo = Фото { $number } · ✅ в деле
gallery-photo-pending = Фото { $number } · 🔎 ещё не смотрел
gallery-summary = <b>{ $count ->
        [one] { $count } фото
        [few] { $count } фото
       *[many] { $count } фото
    } из { $limit }.</b> Рисую по всем, что подходят. С фото с разных сторон картинки больше похожи на вас.
gallery-deleted = 🗑 Удалено. { $left ->
        [0] Фото не осталось: пришлите новое.
        [one] Осталось { $left } фото: /photos
        [few] Осталось { $left } фото: /photos
       *[many] Осталось { $left } фото: /photos
    }
gallery-deleted-toast = Удалено
gallery-add = Просто пришлите фото: как фото, файлом или альбомом.
photo-delete-button = 🗑 Удалить
photo-add-button = ➕ Добавить
photo-done-button = ✅ Готово
