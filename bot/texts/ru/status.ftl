# The one message about a picture, from the queue to the result
quoted-prompt = «{ $prompt }»
status-waiting =
    ⏳ Ваше место в очереди: { $place }.
    { $prompt }
status-next =
    ⏳ Следующая — ваша картинка.
    { $prompt }
status-handed =
    ⏳ Сейчас начну рисовать…
    { $prompt }
status-running =
    🎨 Рисую…
    { $prompt }
status-progress =
    🎨 Рисую… { $percent }{ "\u00A0" }%
    { $bar }
    { $prompt }
status-person = Человек: { $name }
status-people = Люди: { $first }, { $second }
status-two = Два человека
status-pose = Поза: { $pose }
status-image-prompt = Стиль: с картинки-образца
status-ignored = Не умею рисовать: { $phrases }
status-translation = Перевод для модели: { $translation }
status-expected-seconds = Будет готово примерно через { $seconds } с
status-expected-minutes = Будет готово примерно через { $minutes } мин
status-paused =
    ⏸ Очередь на паузе: сервер недоступен. Ваше место ({ $place }) сохранится, продолжу автоматически.
    { $prompt }
status-cancelled =
    ✖️ Отменено.
    { $prompt }
status-ready =
    🖼 Картинка готова, секунду…
    { $prompt }

# The caption: the style, then what was chosen besides it
picture-caption =
    { $style }
    { $prompt }
    <i>Создано ИИ</i> · <code>сид { $seed }</code>
picture-likeness = сходство: { $likeness }
picture-clothes = другая одежда
picture-pose = поза: { $pose }
picture-pose-skipped = поза: любая (модель не умеет рисовать заданную)
picture-companion = два человека
picture-image-prompt = по картинке-образцу
picture-image-prompt-skipped = без картинки-образца (модель не умеет ей следовать)

# The message about an album of variations

album-progress = ✨ Рисую варианты: готово { $done } из { $count }
    { $bar }
    { $prompt }
album-delivered = ✨ <b>{ $count ->
        [one] { $count } вариант
        [few] { $count } варианта
       *[many] { $count } вариантов
    }.</b> Нажмите номер, чтобы открыть картинку со всеми кнопками.
album-unconfirmed = ✨ <b>{ $count ->
        [one] Готов { $count } вариант
        [few] Готовы { $count } варианта
       *[many] Готово { $count } вариантов
    }.</b> Telegram не подтвердил альбом. Если его не видно, откройте картинки по номерам.
album-number-button = № { $number }

failure-bad_reference =
    😕 Не получилось использовать ваше фото: оно удалено, или человека на нём плохо видно. Пришлите другое фото и попробуйте ещё раз.
    { $prompt }
failure-bad_prompt =
    😕 По такому описанию нарисовать не получилось. Опишите иначе или короче.
    { $prompt }
failure-bad_pose =
    🤸 Не получилось определить позу по фото: оно удалено, или на нём не видно одного человека в полный рост. Выберите любую позу кнопкой ниже или другую в настройках: /settings
    { $prompt }
failure-bad_image_prompt =
    🖼 Не получилось использовать картинку-образец: она удалена, или нынешняя модель не умеет ей следовать. Нарисуйте без неё кнопкой ниже или выберите другую в настройках: /settings
    { $prompt }
failure-bad_companion =
    👥 Не получилось нарисовать двоих на одной картинке: фото второго человека удалены, или нынешняя модель рисует только одного. Нарисуйте одного кнопкой ниже или выберите людей заново: /people
    { $prompt }
failure-bad_style =
    🎨 Этот стиль сейчас недоступен. Выберите другой: /style
    { $prompt }
failure-refused_prompt =
    🚫 Такое я не рисую: никакой наготы и никого младше 18 лет. Измените описание и пришлите его снова.
    { $prompt }
failure-refused_photo =
    🚫 По одному из фото я не рисую: на нём нагота или кто-то, кому на вид нет 18 лет. Удалите его (ваши фото: /photos, фото для позы и картинка-образец: /settings), пришлите другое, а потом ещё раз отправьте описание.
    { $prompt }
failure-refused_picture =
    🚫 Показать результат не могу: на нём нагота или кто-то, кому на вид нет 18 лет. Картинку я не сохранил. Попробуйте ещё раз или измените описание.
    { $prompt }
failure-out_of_memory =
    😕 На эту картинку не хватило памяти. Попробуйте, пожалуйста, позже.
    { $prompt }
failure-worker_lost =
    😕 Картинка не получилась: сервер несколько раз останавливался. Извините и попробуйте, пожалуйста, ещё раз.
    { $prompt }
failure-undeliverable =
    😕 Картинка готова, но Telegram её не принял. Попробуйте, пожалуйста, ещё раз.
    { $prompt }
failure-internal =
    😕 У меня что-то пошло не так. Извините и попробуйте, пожалуйста, ещё раз.
    { $prompt }
