# Статистика в /admin: три страницы, на каждой диаграмма с подписью

admin-usage = 📊 <b>Статистика, { $period }</b>

    <b>Пользователи</b>: всего { $users }, активных { $active }, новых { $new }, заблокировали бота { $blocked }, удалили данные { $deleted }
    <b>Запросов на картинки</b>: { $asked }
    доставлено { $delivered } · отказано { $refused } · не получилось { $failed } · отменено { $cancelled } · в работе { $open }
    <b>Успешно</b>: { $rate }
    <b>Ожидание</b>: медиана { $wait_p50 }, 95{ "\u00A0" }% — до { $wait_p95 }
    <b>Рисование</b>: медиана { $draw_p50 }, 95{ "\u00A0" }% — до { $draw_p95 }
    <b>Стили</b>:
    { $styles }
    <b>Сейчас</b>: { $workers ->
        [one] работает { $workers } сервер
        [few] работают { $workers } сервера
       *[many] работает { $workers } серверов
    }, в очереди { $queue }{ $pause }
admin-usage-people = 👥 <b>Новые пользователи и отказы, { $period }</b>

    <b>Новые пользователи</b>: { $funnel }
    <b>Отказано</b>: { $refusals }
    <b>Не получилось</b>: { $failures }
    <b>Фото не приняты</b>: { $rejected }
admin-usage-money = 💰 <b>Доход и расходы, { $period }</b>

    <b>Доход</b>: { $revenue }, { $payments ->
        [one] { $payments } платёж
        [few] { $payments } платежа
       *[many] { $payments } платежей
    }, возвраты вычтены
    <b>Возвращено</b>: { $refunded }
    <b>Время рисования на одну доставленную картинку</b>: { $drawing }, вместе с неудачными попытками
    <b>Стоимость картинки</b>: { $cost }
    <b>Ожидание</b>: медиана { $wait_p50 }, 95{ "\u00A0" }% — до { $wait_p95 }
admin-price = { NUMBER($amount, maximumFractionDigits: 4) } { $currency }
admin-no-price = неизвестна, задайте WORKER_HOUR_PRICE
admin-step = { $step } { $number }
admin-tally = { $label } ({ $number })
usage-page-pictures-button = 🖼 Картинки
usage-page-people-button = 👥 Люди
usage-page-money-button = 💰 Доход
usage-csv-button = 📄 CSV
usage-csv-caption = 📄 По строке на день (UTC), { $days ->
        [one] последний { $days } день
        [few] последние { $days } дня
       *[many] последние { $days } дней
    }.
funnel-start = начали
funnel-consent = согласились
funnel-photo = фото
funnel-picture = картинка
funnel-second = вторая картинка
reason-bad_reference = фото непригодно
reason-bad_prompt = описание не нарисовать
reason-bad_pose = поза не читается
reason-bad_image_prompt = образец стиля непригоден
reason-bad_companion = двоих нарисовать нельзя
reason-bad_style = неизвестный стиль
reason-refused_prompt = описание
reason-refused_photo = фото
reason-refused_picture = картинка
reason-out_of_memory = не хватило памяти
reason-internal = внутренняя ошибка
reason-worker_lost = сервер пропал
reason-undeliverable = не доставлено
reason-unknown = другое
verdict-no_person = нет человека
verdict-several_people = несколько людей
verdict-too_small = мелкое
verdict-too_blurred = размытое
verdict-too_dark = тёмное
verdict-unreadable = не читается
verdict-minor = похоже на ребёнка
verdict-nudity = нагота
verdict-no_pose = не видно позы
verdict-other_person = другой человек
verdict-not_an_image = не картинка
verdict-truncated = обрезанный файл
verdict-file_too_big = большой файл
verdict-too_many_pixels = много пикселей
verdict-too_costly = слишком сложное
verdict-too_long = слишком вытянутое
verdict-animated = анимация
verdict-not_fetched = не скачалось
verdict-known = уже присылали
verdict-too_many = альбом полон
verdict-unknown = другое
admin-style = { $style } — { $count }
admin-seconds = { NUMBER($seconds, minimumFractionDigits: 1, maximumFractionDigits: 1) }{ "\u00A0" }с
admin-percent = { NUMBER($share, style: "percent", maximumFractionDigits: 0) }
admin-nothing = пока ничего
chart-title = Статистика, { $period }
chart-pictures = Картинки (UTC)
chart-delivered = доставлено
chart-failed = не получилось
chart-cancelled = отменено
chart-open = в работе
chart-styles = Стили
chart-times = Время
chart-wait-median = ожидание, медиана
chart-wait-p95 = ожидание, 95{ "\u00A0" }%
chart-drawing-median = рисование, медиана
chart-drawing-p95 = рисование, 95{ "\u00A0" }%
chart-title-people = Новые пользователи и отказы, { $period }
chart-title-money = Доход и расходы, { $period }
chart-refused = отказано
chart-funnel = Новые пользователи: докуда дошли
chart-refusals = Отказы (оранж.), сбои (красн.)
chart-rejected = Фото не приняты
chart-stars = Звёзды (UTC)
chart-wait = Ожидание, медиана, секунды
chart-per-picture = На доставленную картинку
chart-per-picture-drawing = рисование
