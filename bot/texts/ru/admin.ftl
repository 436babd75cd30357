# /admin and its chart

admin-days-button = { $days ->
        [1] 24 ч
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
admin-pause = ⏸ Сервис на паузе. Продолжить: <code>/admin resume</code>
admin-paused = ⏸ <b>Сервис на паузе.</b> Серверы доделают начатое: { $count ->
        [one] рисуется { $count } картинка
        [few] рисуются { $count } картинки
       *[many] рисуется { $count } картинок
    }, в очереди { $queue }. Новые запросы принимаются и ждут. Продолжить: <code>/admin resume</code>
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
