# Prompts that cannot be drawn

error-prompt-empty = ✍️ В сообщении нет текста. Опишите одним предложением, что хотите увидеть.
error-prompt-wordless = ✍️ По одним эмодзи и цифрам я не рисую. Опишите одним предложением, что хотите увидеть, например: «на пляже на закате».
error-prompt-too-long = ✂️ В тексте { $length ->
        [one] { $length } знак
        [few] { $length } знака
       *[many] { $length } знаков
    }, а можно не больше { $limit }. Сократите его и пришлите ещё раз.

error-seed-too-large = 🌱 Сид не может быть больше { $limit }.

# Buttons under status messages and pictures

job-cancel-button = ✖️ Отменить
job-again-button = 🔄 Ещё раз
job-style-button = 🎨 Другой стиль
job-reuse-button = ✏️ Изменить описание
job-face-button = 🙂 Важнее лицо
job-body-button = 🧍 Важнее фигура
job-other-clothes-button = 👗 Другая одежда
job-own-clothes-button = 👕 Моя одежда
job-free-pose-button = 🎲 Любая поза
job-no-image-prompt-button = 🖼 Без образца
job-alone-button = 👤 Один человек
job-retry-button = 🔄 Повторить
job-variations-button = ✨ Варианты
job-favourite-button = 🤍 В избранное
job-loved-button = ❤️ В избранном
job-more-button = ⋯ Ещё
job-file-button = 📄 Файл
job-report-button = 🚩 Пожаловаться
job-delete-button = 🗑 Удалить
job-confirm-delete-button = 🗑 Да, удалить

job-queued = Добавлено в очередь!
job-queued-variations = В очередь { $count ->
        [one] добавлен { $count } вариант
        [few] добавлены { $count } варианта
       *[many] добавлено { $count } вариантов
    }!
job-queued-any-pose = Добавлено в очередь! Фото для позы больше не хранится, поэтому поза будет любой.
job-queued-no-image-prompt = Добавлено в очередь! Картинка-образец больше не хранится, поэтому рисую без неё.
job-queued-already = Эта картинка уже в работе.
job-cancelled = Отменено.
job-too-late = Поздно: рисование уже закончено.
job-pick-style = Выберите стиль, и я перерисую в нём картинку.
job-reuse = ✏️ <b>Пришлите новое описание ответом на это сообщение</b>, и я нарисую его так же. Стиль: { $style }
    Ваше описание (нажмите, чтобы скопировать): <code>{ $prompt }</code>

favourite-added = Добавлено в избранное: /favourites
favourite-removed = Убрано из избранного.
file-caption = 📄 Исходный файл. В отличие от фото выше, в нём сохранена метка о том, что картинку создал ИИ.
file-gone = Этого файла у меня больше нет. Чтобы получить его снова, пришлите то же описание и добавьте «сид { $seed }».
report-ask = Что не так с этой картинкой? Оператор увидит картинку и описание.
report-nudity-button = 🔞 Нагота или дети
report-consent-button = 👤 Без согласия
report-offensive-button = 😠 Оскорбительно
report-other-button = ❓ Другое
report-sent = Спасибо! Оператор рассмотрит вашу жалобу.
report-known = Вы уже жаловались на эту картинку.
report-notice = 🚩 <b>Жалоба на картинку.</b> Причина: { $reason }
    Описание: { $prompt }
    Пользователь <code>{ $user }</code>, задание <code>{ $job }</code>
delete-ask = Удалить картинку, её описание и файл? Вернуть их нельзя.
delete-done = Удалено. Этой картинки у меня больше нет.
delete-too-old = 🗑 Удалено: этой картинки у меня больше нет. Сообщения старше двух суток Telegram удалять не даёт, поэтому удалите это сами.

# /gallery and /favourites

pictures-page = <b>Ваши картинки: { $number } из { $count }</b>
favourites-page = <b>Избранное: { $number } из { $count }</b>
pictures-empty = 🖼 Картинок пока нет. Опишите одним предложением, что хотите увидеть.
favourites-empty = 🤍 В избранном пока пусто. Чтобы добавить картинку, нажмите под ней «В избранное».
gallery-newer-button = ← Новее
gallery-older-button = Старее →
gallery-open-button = 🔍 Открыть

error-picture-gone = Этой картинки и её описания у меня больше нет. Чтобы нарисовать её снова, пришлите описание ещё раз.
error-no-photos = У меня больше нет вашего фото. Пришлите его и нажмите кнопку ещё раз.
error-too-many-open-jobs = ⏳ У вас в работе уже { $limit ->
        [one] { $limit } картинка
        [few] { $limit } картинки
       *[many] { $limit } картинок
    }. Дождитесь одной или отмените её и попробуйте ещё раз.
error-no-room-for-variations = ⏳ Для вариантов нужно место хотя бы для двух картинок в очереди. Дождитесь картинки или отмените одну и попробуйте ещё раз.
