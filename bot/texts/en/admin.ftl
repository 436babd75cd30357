# /admin and its chart

admin-days-button = { $days ->
        [1] 24 h
        [one] { $days } day
       *[other] { $days } days
    }
admin-period = { $days ->
        [1] last 24 hours
        [one] last { $days } day
       *[other] last { $days } days
    }
admin-pause = ⏸ The service is paused. <code>/admin resume</code> ends the pause.
admin-paused = ⏸ <b>The service is paused.</b> Workers finish what they hold: { $count ->
        [one] { $count } picture is being drawn
       *[other] { $count } pictures are being drawn
    }, { $queue } in the queue. New requests are accepted and wait. <code>/admin resume</code> ends the pause.
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
