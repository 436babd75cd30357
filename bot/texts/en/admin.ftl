admin-days-button = { $days ->
        [1] 24 hours
        [one] { $days } day
       *[other] { $days } days
    }
admin-period = { $days ->
        [1] last 24 hours
        [one] last { $days } day
       *[other] last { $days } days
    }
admin-usage = 📊 <b>Usage, { $period }</b>

    <b>Users</b>: { $users } in all, { $active } active, { $new } new, { $blocked } blocked me
    <b>Pictures asked for</b>: { $asked }
    ✅ delivered { $delivered_jobs } · ❌ failed { $failed_jobs } · ✖️ cancelled { $cancelled_jobs }
    ⏳ queued { $queued_jobs } · 🖌 running { $running_jobs } · 📤 done { $done_jobs }
    <b>Success</b>: { $rate }
    <b>Wait</b>: p50 { $wait_p50 }, p95 { $wait_p95 }
    <b>Drawing</b>: p50 { $draw_p50 }, p95 { $draw_p95 }
    <b>Styles</b>:
    { $styles }
    <b>Now</b>: { $workers ->
        [one] { $workers } worker
       *[other] { $workers } workers
    } alive, { $line } in line
admin-style = { $style } – { $count }
admin-seconds = s
admin-nothing = nothing yet
chart-title = Usage, { $period }
chart-pictures = Pictures (UTC)
chart-delivered = delivered
chart-failed = failed
chart-cancelled = cancelled
chart-open = in work
chart-styles = Styles
chart-times = Times
chart-wait = wait
chart-drawing = drawing
