# /people

people = 👥 <b>Ваши люди: { $count } из { $limit }</b>
    { $people }

    Рисую того, кто отмечен галочкой; к нему же добавляются новые фото. Нажмите имя, чтобы выбрать, переименовать или удалить.
people-line = { $mark } { $name } — { $count } фото
people-line-current = ✅ { $name } — { $count } фото
people-none = 👥 У меня пока нет ничьих фото. Сначала пришлите своё фото.
person-first = Вы
person-number = Человек { $number }
person-new-button = ➕ Новый человек
person-choose-button = ✅ Рисовать этого
person-together-button = 👥 Нарисовать обоих
person-alone-button = 👤 Рисовать одного
person-photos-button = 📷 Фото
person-rename-button = ✏️ Имя
person-delete-button = 🗑 Удалить
person-confirm-delete-button = 🗑 Да, удалить
person-page = 👤 <b>{ $name }</b>: { $accepted ->
        [one] используется { $accepted } фото
        [few] используются { $accepted } фото
       *[many] используется { $accepted } фото
    }, можно до { $limit }.
person-current = ✅ Сейчас рисую этого человека.
person-not-current = Сейчас рисую другого человека.
person-companion = 👥 Будет на следующей картинке рядом с тем, кого рисую сейчас.
person-together = 👥 <b>На следующей картинке будут двое:</b> { $first } слева, { $second } справа. Напишите в описании, что людей двое, например: двое друзей в парке.
    Это на одну картинку. Поза будет любой.
person-alone = На следующей картинке будет один человек.
person-unnamed = без имени
person-chosen = Теперь рисую: { $name }
person-added = 👤 <b>{ $name }: добавлен.</b> Теперь пришлите до { $limit } фото этого человека, можно альбомом. Буду рисовать его, пока вы не выберете другого: /people
    Это должен быть взрослый человек, который на это согласен.
person-name-ask = ✏️ <b>Пришлите имя ответом на это сообщение</b> вместо «{ $name }», не длиннее { $limit } символов.
person-named = 👤 Новое имя: <b>{ $name }</b>. Все люди: /people
person-delete-ask = Удалить «{ $name }» со всеми фото? Готовые картинки останутся. Отменить это нельзя.
person-deleted = 🗑 Удалено. Ваши люди: /people
person-lacks-portrait = На всех фото только голова и плечи: добавьте фото в полный рост — для одежды и фигуры.
person-lacks-half-length = Ни на одном фото не видно ног: добавьте фото в полный рост — для низа одежды и обуви.
person-lacks-sitting = На всех фото человек сидит: добавьте фото стоя.
person-lacks-lying = На всех фото человек лежит: добавьте фото стоя.
person-lacks-from-behind = Все фото со спины: добавьте фото спереди.
person-lacks-no-face = На всех фото лица почти не видно: добавьте фото, где его хорошо видно.
person-lacks-small-face = На всех фото лицо мелкое: добавьте крупный план.
person-lacks-head-cut-off = На всех фото обрезана макушка: добавьте фото, где видна вся причёска.
person-lacks-sunglasses = На всех фото человек в тёмных очках: добавьте фото без них.
photo-of-person = 👤 На фото: { $name }
photo-cover-button = ⭐ Обложка
photo-cover-set = Теперь это фото — обложка в /people.

error-one-person-only = 👥 Модель, которая сейчас работает, рисует на картинке только одного человека.
error-companion-gone = 👥 Фото второго человека больше нет, поэтому нарисовать двоих нельзя. Картинки не будет, и ничего не списано. Выберите в /people: добавить фото этого человека или рисовать одного.
error-person-gone = Этот человек удалён. Ваши люди: /people
error-too-many-people = 👥 У вас уже { $limit } человек, больше добавить нельзя. Сначала удалите кого-нибудь: /people
error-person-name = ✏️ В имени нужна хотя бы одна буква и не больше { $limit } символов. Ответьте на мой вопрос ещё раз.
