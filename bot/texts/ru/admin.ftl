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

    <b>Люди</b>: всего { $users }, активных { $active }, новых { $new }, заблокировали { $blocked }
    <b>Заказано картинок</b>: { $asked }
    ✅ доставлено { $delivered_jobs } · ❌ не вышло { $failed_jobs } · ✖️ отменено { $cancelled_jobs }
    ⏳ в очереди { $queued_jobs } · 🖌 рисуется { $running_jobs } · 📤 готово { $done_jobs }
    <b>Успешно</b>: { $rate }
    <b>Ожидание</b>: p50 { $wait_p50 }, p95 { $wait_p95 }
    <b>Рисование</b>: p50 { $draw_p50 }, p95 { $draw_p95 }
    <b>Стили</b>:
    { $styles }
    <b>Сейчас</b>: { $workers ->
        [one] работает { $workers } воркер
        [few] работают { $workers } воркера
       *[many] работает { $workers } воркеров
    }, в очереди { $line }
admin-style = { $style } – { $count }
admin-seconds = с
admin-nothing = пока ничего
chart-title = Статистика, { $period }
chart-pictures = Картинки (UTC)
chart-delivered = доставлено
chart-failed = не вышло
chart-cancelled = отменено
chart-open = в работе
chart-styles = Стили
chart-times = Время
chart-wait = ожидание
chart-drawing = рисование
