# Ключи HTTP API

admin-keys = 🔑 <b>Ключи API</b>, { $page }

    { $rows }
service-keys-button = 🔑 Ключи API
admin-key-line = <b>{ $app }</b> · <code>{ $id }</code>
    Владелец { $owner } · { $scopes } · { $number }/мин
    { $count ->
        [one] { $count } пользователь
        [few] { $count } пользователя
       *[many] { $count } пользователей
    }, { $used }
admin-key-used = последний запрос { $date }
admin-key-unused = запросов не было
admin-keys-usage = <code>/admin key ИМЯ</code> создаёт ключ для приложения (имя латиницей). Можно указать права, число запросов в минуту и владельца, с кредитов которого идёт оплата: <code>/admin key NAME read,draw,people 60/min owner=123</code>
    <code>/admin revoke ID</code> отзывает ключ.
admin-key-made = 🔑 Ключ для <b>{ $app }</b>. Больше он показан не будет: передайте его и удалите это сообщение.
    Ключ: <code>{ $key }</code>
    Секрет обратных вызовов: <code>{ $secret }</code>
    Чтобы отозвать: <code>/admin revoke { $id }</code>
admin-key-revoked = Ключ { $id } отозван. Приложение и его пользователи сохранены.
admin-no-key = Действующего ключа { $id } нет. Список ключей: <code>/admin keys</code>

# Мини-приложение

mini-app-button = Галерея
mini-app-pictures = Картинки
mini-app-favourites = Избранное
mini-app-all = Все
mini-app-styles = Стили
mini-app-photos = Мои фото
mini-app-no-pictures = Картинок пока нет. Опишите картинку в чате.
mini-app-no-favourites = В избранном пусто. Нажмите на звёздочку под картинкой.
mini-app-no-photos = Фото пока нет. Пришлите фото в чат.
mini-app-photo-pending = Проверяется
mini-app-delete-photo = Удалить
mini-app-delete-ask = Удалить это фото?
mini-app-add-photo = Ещё фото можно прислать в чат, всего до { $limit }.
mini-app-chosen = Для следующих картинок
mini-app-more = Показать ещё
mini-app-close = Закрыть
mini-app-keep = Оставить
mini-app-seed = сид
mini-app-favourite = Избранное
mini-app-failed = Не получилось. Закройте страницу и откройте её снова.
mini-app-start-first = Сначала отправьте боту /start и подтвердите условия.
mini-app-everybody = Все люди
mini-app-no-pictures-of = С этим человеком картинок пока нет.
mini-app-delete-picture-ask = Удалить эту картинку, её описание и файл? Вернуть их нельзя.
