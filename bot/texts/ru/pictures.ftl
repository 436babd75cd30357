# Prompts that cannot be drawn

error-prompt-empty = ✍️ В сообщении нет текста. Опишите одним предложением, что хотите увидеть.
error-prompt-wordless = ✍️ По одним эмодзи и цифрам я не рисую. Опишите одним предложением, что хотите увидеть, например: «на пляже на закате».
error-prompt-too-long = ✂️ В тексте { $length ->
        [one] { $length } знак
        [few] { $length } знака
       *[many] { $length } знаков
    }, а можно не больше { $limit }. Сократите его и пришлите ещё раз.

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
job-retry-button = 🔄 Повторить

job-queued = Добавлено в очередь!
job-queued-any-pose = Добавлено в очередь! Фото для позы больше не хранится, поэтому поза будет любой.
job-queued-already = Эта картинка уже в работе.
job-cancelled = Отменено.
job-too-late = Поздно: рисование уже закончено.
job-pick-style = Выберите стиль, и я перерисую в нём картинку.
job-reuse = ✏️ Ваше описание (нажмите, чтобы скопировать): <code>{ $prompt }</code>
    Измените его и пришлите мне. Стиль: { $style }; выбрать другой: /style

error-picture-gone = Описания этой картинки у меня больше нет. Напишите его ещё раз.
error-no-photos = У меня больше нет вашего фото. Пришлите его и нажмите кнопку ещё раз.
error-too-many-open-jobs = ⏳ У вас в работе уже { $limit ->
        [one] { $limit } картинка
        [few] { $limit } картинки
       *[many] { $limit } картинок
    }. Дождитесь одной или отмените её и попробуйте ещё раз.
