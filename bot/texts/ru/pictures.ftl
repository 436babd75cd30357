# Words that cannot be drawn

error-prompt-empty = ✍️ Не вижу здесь слов. Напишите одним предложением, что хотите увидеть.
error-prompt-wordless = ✍️ Красиво, но мне нужны слова. Напишите одним предложением, что хотите увидеть, например: «на пляже на закате».
error-prompt-too-long = ✂️ Длина текста – { $length ->
        [one] { $length } знак
        [few] { $length } знака
       *[many] { $length } знаков
    }, а я беру не больше { $limit }. Ваш текст остался выше: сократите его и пришлите ещё раз.

# Buttons under status messages and pictures

job-cancel-button = ✖️ Отменить
job-again-button = 🔄 Ещё раз
job-style-button = 🎨 Другой стиль
job-reuse-button = ✍️ Взять слова
job-face-button = 🙂 Лицо точнее
job-body-button = 🧍 Фигура точнее
job-other-clothes-button = 👗 Другая одежда
job-own-clothes-button = 👕 Моя одежда
job-free-pose-button = 🎲 В свободной позе
job-retry-button = 🔄 Попробовать ещё раз

job-in-line = Поставил в очередь!
job-in-line-free-pose = Поставил в очередь! Фото с этой позой больше не хранится, поэтому поза будет свободной.
job-in-line-already = Уже в работе.
job-cancelled = Отменено.
job-too-late = Поздно: всё уже закончилось.
job-pick-style = Выберите стиль: нарисую в нём те же слова.
job-reuse = ✍️ Ваши слова, нажатие копирует: <code>{ $words }</code>
    Измените, что хотите, и пришлите мне. Стиль был: { $style }, сменить: /style

error-picture-gone = Слов к этой картинке у меня больше нет. Напишите их заново, и я нарисую.
error-no-photos = У меня больше нет вашего фото. Пришлите его и нажмите ещё раз.
error-too-many-open-jobs = ⏳ У вас в работе уже { $limit ->
        [one] { $limit } картинка
        [few] { $limit } картинки
       *[many] { $limit } картинок
    }. Дождитесь одной или отмените, потом пришлите это снова.
