# /admin and its chart

admin-days-button = { $days ->
        [1] 24 часа
        [one] { $days } день
        [few] { $days } дня
       *[many] { $days } дней
    }
admin-period = { $days ->
        [1] последние 24 часа
        [one] последний { $days } день
        [few] последние { $days } дня
       *[many] последние { $days } дней
    }
admin-usage = 📊 <b>Статистика, { $period }</b>

    <b>Пользователи</b>: всего { $users }, активных { $active }, новых { $new }, заблокировали бота { $blocked }
    <b>Запросов на картинки</b>: { $asked }
    доставлено { $delivered_jobs } · не получилось { $failed_jobs } · отменено { $cancelled_jobs }
    в очереди { $queued_jobs } · рисуется { $running_jobs } · отправляется { $done_jobs }
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
admin-pause = ⏸ Сервис на паузе. Продолжить: /admin resume
admin-paused = ⏸ <b>Сервис на паузе.</b> Серверы доделают начатое: { $count ->
        [one] рисуется { $count } картинка
        [few] рисуются { $count } картинки
       *[many] рисуется { $count } картинок
    }, в очереди { $queue }. Новые запросы принимаются и ждут. Продолжить: /admin resume
admin-resumed = ▶️ Сервис снова работает.
admin-not-paused = Сервис не на паузе.
alert-no-worker = 🔴 <b>Нет ни одного сервера</b> уже { $minutes } мин; { $count ->
        [one] ждёт { $count } картинка
        [few] ждут { $count } картинки
       *[many] ждёт { $count } картинок
    }. Запустите сервер или загляните в его журнал.
alert-no-worker-over = 🟢 Серверы снова работают.
alert-old-queue = 🟠 <b>Самый старый запрос ждёт уже { $minutes } мин</b>; { $count ->
        [one] не готова { $count } картинка
        [few] не готовы { $count } картинки
       *[many] не готово { $count } картинок
    }.
alert-old-queue-over = 🟢 Очередь снова движется.
alert-failures = 🟠 <b>{ $count ->
        [one] { $count } картинка не получилась
        [few] { $count } картинки не получились
       *[many] { $count } картинок не получилось
    } по вине сервиса</b> за последний час. Загляните в журналы серверов.
alert-failures-over = 🟢 Сбоев снова не больше обычного.
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
