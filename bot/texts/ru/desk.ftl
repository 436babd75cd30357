# /admin: страницы, кроме статистики

admin-home = 🛠 <b>Управление</b>

    Пользователей: { $users }, активных за сутки: { $active }
    Сейчас: { $workers ->
        [one] работает { $workers } сервер
        [few] работают { $workers } сервера
       *[many] работает { $workers } серверов
    }, в очереди { $queue }
    Ждут рассмотрения: { $cases }{ $pause }
admin-statistics-button = 📊 Статистика
admin-users-button = 👥 Пользователи
admin-review-button = 🚩 Жалобы
admin-broadcast-button = 📣 Рассылка
admin-styles-button = 🎨 Стили
admin-service-button = ⚙️ Сервис
admin-newer-button = ‹
admin-older-button = ›
admin-page = { $first }—{ $last } из { $total }
admin-none = здесь пусто
admin-yes = да
admin-no = нет

# Пользователи

users-home = 👥 <b>Пользователи</b>: { $users }
    Доступ: { $access }
users-open = для всех
users-closed = только по списку доступа и для администраторов
users-find-button = 🔎 Найти по ID
users-latest-button = 🕘 Последние
users-list-button = 🚪 Список доступа
users-banned-button = ⛔ Заблокированы
users-latest = 🕘 <b>Последние пользователи</b>, { $page }
    { $rows }
users-row = <code>{ $user }</code>, последнее сообщение { $date }
users-end-user = <code>{ $user }</code>, приложение { $app }, последний запрос { $date }
users-list = 🚪 <b>Список доступа</b>, { $page }
    Доступ: { $access }

    { $rows }
users-banned = ⛔ <b>Заблокированы</b>, { $page }

    { $rows }
users-rule = <code>{ $user }</code>, с { $date }
users-gone = И ещё { $count ->
        [one] { $count } человек, удаливший
        [few] { $count } человека, удаливших
       *[many] { $count } человек, удаливших
    } свои данные: если вернутся, бот их узнает.
users-close-button = 🔒 Только по списку
users-open-button = 🔓 Для всех
users-add-button = ➕ Добавить
users-ask-id = 🔎 Ответьте на это сообщение: Telegram ID пользователя.
users-ask-allow = 🚪 Ответьте на это сообщение: Telegram ID, который нужно добавить в список доступа.
users-bad-id = Это не Telegram ID: нужно число. Ответьте на вопрос ещё раз.
account = 👤 <b>Пользователь</b> <code>{ $user }</code>
    Язык: { $language }, первое сообщение { $since }, последнее { $active }
    Согласие с условиями: { $consents }
    Заблокировал бота: { $blocked }
    Доступ: { $access }

    Фото: { $photos }
    Картинки: доставлено { $delivered }, в работе { $open }, не получилось { $failed }, отказано { $refused }, отменено { $cancelled }; сегодня { $today }
    Платежи: { $payments }{ $credits }
account-end-user = 👤 <b>Пользователь</b> <code>{ $user }</code> <b>приложения { $app }</b>
    Владелец приложения: <code>{ $owner }</code>
    Язык: { $language }, добавлен { $since }, последний запрос { $active }
    Согласие с условиями: { $consents }
    Доступ: { $access }

    Фото: { $photos }
    Картинки: доставлено { $delivered }, в работе { $open }, не получилось { $failed }, отказано { $refused }, отменено { $cancelled }; сегодня { $today }
account-credits = Кредиты: { $credits }, бесплатных сегодня: { $free }
account-consent = версия { $version }, { $date }
account-never = нет
account-payments = { $count }, { $stars }
account-unknown = 👤 <b>Пользователь</b> <code>{ $user }</code>
    Никогда не писал боту или удалил свои данные.
    Доступ: { $access }
access-banned = заблокирован с { $date }
access-listed = в списке доступа
access-limit = { $limit ->
        [one] { $limit } картинка
        [few] { $limit } картинки
       *[many] { $limit } картинок
    } в день
access-plain = особых правил нет
account-jobs-button = 🖼 Запросы
account-ledger-button = 💳 Операции
account-grant-button = 🎁 Начислить
account-payments-button = ↩️ Платежи
account-rules-button = 🚦 Доступ
account-ban-button = ⛔ Закрыть доступ
account-unban-button = ✅ Открыть доступ
account-limit-button = 🔢 Лимит в день
account-allow-button = ➕ В список
account-disallow-button = ➖ Из списка
account-rules = 🚦 <b>Доступ пользователя</b> <code>{ $user }</code>
    { $access }

    Блокировка отменяет картинки в работе и закрывает бота; пользователю остаются его данные, платежи и /help. Список доступа действует, пока бот работает только по списку.
account-rules-end-user = 🚦 <b>Доступ пользователя приложения</b> <code>{ $user }</code>
    { $access }

    Блокировка отменяет картинки в работе; новые запросы приложения для этого пользователя получают отказ.
account-jobs = 🖼 <b>Запросы пользователя</b> <code>{ $user }</code>, { $page }
    { $rows }
account-job = { $date } · { $style } · { $state }
job-state-queued = в очереди
job-state-running = рисуется
job-state-done = отправляется
job-state-delivered = доставлено
job-state-failed = не получилось: { $reason }
job-state-refused = отказано: { $reason }
job-state-cancelled = отменено
account-ledger = 💳 <b>Операции пользователя</b> <code>{ $user }</code>, { $page }
    { $rows }
account-entry = { $date } · { $kind } · { $credits }{ $day }
account-entry-free = , бесплатные
entry-reserve = зарезервировано
entry-settle = потрачено
entry-release = возвращено
entry-grant = начислено
entry-purchase = куплено
entry-refund = возврат оплаты
entry-referral = приглашение
account-payments-list = ↩️ <b>Последние платежи пользователя</b> <code>{ $user }</code>
    { $rows }
account-payment = { $number }. { $date } · { $stars } · { $credits }
account-payment-refunded = { $number }. { $date } · { $stars } · { $credits }, возвращено
account-refund-button = ↩️ Вернуть { $number }
account-ask-refund = ↩️ <b>Вернуть { $stars } пользователю</b> <code>{ $user }</code>?
    Непотраченные кредиты этой покупки будут списаны.
account-refund-yes-button = Да, вернуть
account-ask-grant = 🎁 Ответьте на это сообщение: сколько кредитов начислить пользователю { $user }.
account-ask-limit = 🔢 Ответьте на это сообщение: сколько картинок в день разрешить пользователю { $user }; 0 снимает лимит.
account-bad-number = Нужно число от { $least } до { $most }. Ответьте на вопрос ещё раз.
account-limit-set = ✅ Лимит пользователя { $user }: { $access }
account-allowed = ✅ Пользователь { $user } в списке доступа.

# Жалобы и возражения

review-empty = 🚩 <b>Рассматривать нечего.</b>
review-report = 🚩 <b>Жалоба на картинку.</b> Причина: { $reason }
    Описание: { $prompt }
    Пользователь <code>{ $user }</code>, { $date }
review-appeal = ⚖️ <b>Возражение против отказа:</b> { $reason }
    Описание: { $prompt }
    Пользователь <code>{ $user }</code>, { $date }
review-no-picture = Картинка уже удалена.
review-photo-below = Фото этого запроса — выше.
review-delete-button = 🗑 Удалить
review-keep-button = ✅ Оставить
review-wrong-button = ↩️ Отказ ошибочен
review-right-button = ⛔ Отказ в силе
review-user-button = 👤 Пользователь
review-next-button = ⏭ Дальше
review-open-button = 🚩 Открыть
review-decided = Решение принято.
review-decided-before = Это уже решено, или пользователь удалил свои данные.
review-notice-appeal = ⚖️ <b>Пользователь возражает против отказа.</b> Причина: { $reason }
review-removed = 🗑 <b>На вашу картинку пожаловались, и оператор её удалил.</b> В /gallery её больше нет.
review-appeal-upheld = ⚖️ <b>Оператор согласен с вами: отказ был ошибкой.</b> Проверка автоматическая, обойти её нельзя; измените описание или пришлите другое фото.
review-appeal-dismissed = ⚖️ <b>Оператор рассмотрел ваше возражение: отказ остаётся в силе.</b>
appeal-button = ⚖️ Возразить
appeal-send-button = ⚖️ Отправить
appeal-ask = Оператор увидит описание, а если отказ из-за фото, то и фото. Отправить возражение?
appeal-sent = Спасибо! Оператор рассмотрит возражение, ответ придёт сюда.
appeal-known = Вы уже отправили возражение; ответ придёт сюда.

# Рассылка

broadcast-none = 📣 <b>Рассылка</b>
    Сообщение всем, кто принял условия и не заблокировал бота.
broadcast-write-button = ✏️ Написать
broadcast-ask = 📣 Ответьте на это сообщение текстом или фото с подписью. Оформление сохранится. Пользователям пока ничего не отправляется.
broadcast-bad = Нужен текст или фото с подписью или без неё. Ответьте на вопрос ещё раз.
broadcast-busy = Другая рассылка не закончена. Сначала закончите её или удалите.
broadcast-gone = Эта рассылка уже изменилась. Что с ней сейчас: /admin
broadcast-draft = 📣 <b>Рассылка { $broadcast }, не отправлена</b>
    Кому: { $language }
    Получателей: { $recipients }; ещё { $unreachable } заблокировали бота
    Займёт около { $seconds }, по { $rate } сообщений в секунду
broadcast-confirm = 📣 <b>Отправить сейчас? Получателей: { $recipients }</b>
    Отозвать сообщение нельзя.
broadcast-progress = 📣 <b>Рассылка { $broadcast }: { $state }</b>
    { $bar }
    { $handled } из { $recipients } · доставлено { $delivered } · заблокировали бота { $unreachable } · не принял Telegram { $refused } · неизвестно { $unknown }
broadcast-state-sending = отправляется
broadcast-state-stopped = остановлена
broadcast-state-sent = отправлена
broadcast-everybody = всем
broadcast-en = тем, кто говорит по-английски
broadcast-ru = тем, кто говорит по-русски
broadcast-language-button = 🌐 Кому
broadcast-dry-run-button = 👁 Проба
broadcast-send-button = 📣 Отправить
broadcast-yes-button = Да, отправить
broadcast-stop-button = ⏸ Остановить
broadcast-go-on-button = ▶️ Продолжить
broadcast-refresh-button = 🔄 Обновить
broadcast-discard-button = 🗑 Удалить
broadcast-dry-run-done = Проба: сообщение получили только вы.

# Стили

styles-desk = 🎨 <b>Стили</b>, { $page }
    Нажмите на стиль, чтобы изменить его. Стили со знаком «стоп» не предлагаются.
styles-new-button = ➕ Новый
style-desk = 🎨 <b>{ $title }</b> (<code>{ $name }</code>)
    По-английски: { $en }, по-русски: { $ru }
    Предлагается: { $offered }, место { $place } из { $total }
style-desk-template = Шаблон: <code>{ $template }</code>
style-on-button = ✅ Предлагать
style-off-button = ⛔ Не предлагать
style-up-button = ⬆️ Раньше
style-down-button = ⬇️ Позже
style-delete-button = 🗑 Удалить
style-ask-new = 🎨 Ответьте на это сообщение четырьмя строками: эмодзи, английское название, русское название и шаблон по-английски, в котором один раз стоит { $placeholder }. Например:
    <code>{ $example }</code>
style-added = ✅ Стиль { $title } теперь предлагается.
error-style = Стиль описан не полностью. Нужны четыре строки: эмодзи, английское и русское название (не длиннее 20 знаков), шаблон по-английски, в котором один раз стоит { "{prompt}" }. Ответьте на вопрос ещё раз.

# Сервис

service-home = ⚙️ <b>Сервис</b>: { $state }
    Сейчас: { $workers ->
        [one] работает { $workers } сервер
        [few] работают { $workers } сервера
       *[many] работает { $workers } серверов
    }, рисуется { $running }, в очереди { $queue }
    Не получилось по вине сервиса за сутки и не повторено: { $failed }
service-works = работает
service-paused = на паузе
service-pause-button = ⏸ Пауза
service-resume-button = ▶️ Продолжить
service-retry-button = 🔁 Повторить
service-audit-button = 📜 Журнал
service-payments-button = 📄 Платежи CSV
service-retried = Повторено: { $count }, невозможно: { $skipped }
payments-csv-caption = 📄 Все платежи в звёздах.
audit-csv-caption = 📄 Журнал действий, сначала новые.
audit-csv-button = 📄 CSV
audit-log = 📜 <b>Журнал действий</b>, { $page }
    { $rows }
audit-row = { $date } · { $admin } · { $act }{ $user }{ $subject }
act-view-user = смотрел страницу
act-view-case = смотрел жалобу
act-grant = начислил кредиты
act-refund = вернул оплату
act-limit = поставил лимит
act-no-limit = снял лимит
act-ban = заблокировал
act-unban = разблокировал
act-allow = внёс в список доступа
act-disallow = убрал из списка доступа
act-close-access = доступ только по списку
act-open-access = доступ для всех
act-pause = поставил на паузу
act-resume = снял с паузы
act-retry = повторил неудавшиеся картинки
act-report-upheld = удалил картинку по жалобе
act-report-dismissed = оставил картинку
act-appeal-upheld = принял возражение
act-appeal-dismissed = отклонил возражение
act-broadcast-write = написал рассылку
act-broadcast-start = отправил рассылку
act-broadcast-stop = остановил рассылку
act-broadcast-discard = удалил рассылку
act-style-on = предлагает стиль
act-style-off = не предлагает стиль
act-style-move = передвинул стиль
act-style-add = создал стиль
act-style-delete = удалил стиль
act-export-usage = выгрузил CSV статистики
act-export-payments = выгрузил CSV платежей
act-export-audit = выгрузил CSV журнала
act-make-key = создал ключ API
act-revoke-key = отозвал ключ API
act-app-delete-user = удалил пользователя приложения
act-app-delete-photo = удалил фото
act-app-delete-image-prompt = удалил картинку-образец
act-app-delete-job = удалил задание
audit-key = ключ API { $key }

# Что видят пользователи

error-banned = Оператор закрыл вам доступ к этому боту. Ваши данные: /privacy
error-daily-limit = Вы исчерпали свой лимит: { $limit ->
        [one] { $limit } картинка
        [few] { $limit } картинки
       *[many] { $limit } картинок
    } в день. Новый день начнётся в 00:00 UTC.
draft-barred = { $reason }
    Ваше описание, чтобы прислать его позже (нажмите, чтобы скопировать): <code>{ $prompt }</code>
access-not-listed = 🚪 <b>Этот бот работает только по приглашениям.</b>
    Чтобы получить доступ, напишите: { $contact }. Укажите свой Telegram ID: <code>{ $user }</code>
access-not-listed-toast = Этот бот работает только по приглашениям: /start
access-contact = владельцу бота
