# The statistics of /admin: three pages, each a chart with a caption

admin-usage = 📊 <b>Usage, { $period }</b>

    <b>Users</b>: { $users } in total, { $active } active, { $new } new, { $blocked } blocked the bot, { $deleted } deleted their data
    <b>Pictures requested</b>: { $asked }
    delivered { $delivered } · refused { $refused } · failed { $failed } · cancelled { $cancelled } · in progress { $open }
    <b>Success rate</b>: { $rate }
    <b>Waiting time</b>: median { $wait_p50 }, 95% within { $wait_p95 }
    <b>Drawing time</b>: median { $draw_p50 }, 95% within { $draw_p95 }
    <b>Styles</b>:
    { $styles }
    <b>Now</b>: { $workers ->
        [one] { $workers } worker
       *[other] { $workers } workers
    } running, { $queue } in the queue{ $pause }
admin-usage-people = 👥 <b>New users and refusals, { $period }</b>

    <b>New users</b>: { $funnel }
    <b>Refused</b>: { $refusals }
    <b>Failed</b>: { $failures }
    <b>Photos rejected</b>: { $rejected }
admin-usage-money = 💰 <b>Revenue and cost, { $period }</b>

    <b>Revenue</b>: { $revenue } from { $payments ->
        [one] { $payments } payment
       *[other] { $payments } payments
    }, without refunds
    <b>Refunded</b>: { $refunded }
    <b>Drawing time per delivered picture</b>: { $drawing }, failed attempts included
    <b>Cost per picture</b>: { $cost }
    <b>Waiting time</b>: median { $wait_p50 }, 95% within { $wait_p95 }
admin-price = { NUMBER($amount, maximumFractionDigits: 4) } { $currency }
admin-no-price = unknown; set WORKER_HOUR_PRICE
admin-step = { $step } { $number }
admin-tally = { $label } ({ $number })
usage-page-pictures-button = 🖼 Pictures
usage-page-people-button = 👥 Users
usage-page-money-button = 💰 Revenue
usage-csv-button = 📄 CSV
usage-csv-caption = 📄 One row per day (UTC), last { $days ->
        [one] { $days } day
       *[other] { $days } days
    }.
funnel-start = started
funnel-consent = agreed
funnel-photo = photo
funnel-picture = picture
funnel-second = second picture
reason-bad_reference = photo not usable
reason-bad_prompt = prompt not drawable
reason-bad_pose = pose not readable
reason-bad_image_prompt = image prompt not usable
reason-bad_companion = two people not drawn
reason-bad_style = style unknown
reason-refused_prompt = prompt
reason-refused_photo = photo
reason-refused_picture = picture
reason-out_of_memory = out of memory
reason-internal = internal fault
reason-worker_lost = worker lost
reason-undeliverable = not delivered
reason-unknown = other
verdict-no_person = no person
verdict-several_people = several people
verdict-too_small = too small
verdict-too_blurred = blurred
verdict-too_dark = too dark
verdict-unreadable = unreadable
verdict-minor = looks under 18
verdict-nudity = nudity
verdict-no_pose = no pose
verdict-other_person = another person
verdict-not_an_image = not an image
verdict-truncated = cut off
verdict-file_too_big = file too big
verdict-too_many_pixels = too many pixels
verdict-too_costly = too complex
verdict-too_long = too elongated
verdict-animated = animation
verdict-not_fetched = not downloaded
verdict-known = sent before
verdict-too_many = album full
verdict-unknown = other
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
chart-title-people = New users and refusals, { $period }
chart-title-money = Revenue and cost, { $period }
chart-refused = refused
chart-funnel = New users, by how far they came
chart-refusals = Refused (orange) and failed (red)
chart-rejected = Photos rejected
chart-stars = Stars (UTC)
chart-wait = Waiting time, median, seconds
chart-per-picture = Per delivered picture
chart-per-picture-drawing = drawing
