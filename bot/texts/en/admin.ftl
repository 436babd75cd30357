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
    } running, { $queue } in the queue{ $pause }
admin-pause = ⏸ The service is paused. /admin resume ends the pause.
admin-paused = ⏸ <b>The service is paused.</b> Workers finish what they hold: { $count ->
        [one] { $count } picture is being drawn
       *[other] { $count } pictures are being drawn
    }, { $queue } in the queue. New requests are accepted and wait. /admin resume ends the pause.
admin-resumed = ▶️ The service works again.
admin-not-paused = The service is not paused.
alert-no-worker = 🔴 <b>No worker</b> for { $minutes } min; { $count ->
        [one] { $count } picture is waiting
       *[other] { $count } pictures are waiting
    }. Start a worker, or look into its log.
alert-no-worker-over = 🟢 Workers are back.
alert-old-queue = 🟠 <b>The oldest request has been waiting for { $minutes } min</b>; { $count ->
        [one] { $count } picture has
       *[other] { $count } pictures have
    } not been finished.
alert-old-queue-over = 🟢 The queue moves again.
alert-failures = 🟠 <b>{ $count ->
        [one] { $count } picture has
       *[other] { $count } pictures have
    } failed through a fault of the service</b> in the last hour. Look into the logs of the workers.
alert-failures-over = 🟢 Failures are back to normal.
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
