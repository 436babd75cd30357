# /admin and its chart

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

    <b>Users</b>: { $users } in total, { $active } active, { $new } new, { $blocked } blocked the bot
    <b>Pictures requested</b>: { $asked }
    delivered { $delivered_jobs } · failed { $failed_jobs } · cancelled { $cancelled_jobs }
    queued { $queued_jobs } · drawing { $running_jobs } · being sent { $done_jobs }
    <b>Success rate</b>: { $rate }
    <b>Waiting time</b>: median { $wait_p50 }, 95% within { $wait_p95 }
    <b>Drawing time</b>: median { $draw_p50 }, 95% within { $draw_p95 }
    <b>Styles</b>:
    { $styles }
    <b>Now</b>: { $workers ->
        [one] { $workers } worker
       *[other] { $workers } workers
    } running, { $queue } in the queue
admin-style = { $style }: { $count }
admin-seconds = { NUMBER($seconds, minimumFractionDigits: 1, maximumFractionDigits: 1) } s
admin-percent = { NUMBER($share, style: "percent", maximumFractionDigits: 0) }
admin-nothing = nothing yet
chart-title = Usage, { $period }
chart-pictures = Pictures (UTC)
chart-delivered = delivered
chart-failed = failed
chart-cancelled = cancelled
chart-open = in progress
chart-styles = Styles
chart-times = Times
chart-wait-median = waiting, median
chart-wait-p95 = waiting, 95%
chart-drawing-median = drawing, median
chart-drawing-p95 = drawing, 95%
