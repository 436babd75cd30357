import pytest


@pytest.mark.parametrize("n", range(6))
async def test_a_conversation_goes_through(chat, n):
    await chat.ready(chat.anna)
    await chat.anna.send_text("на пляже")
    await chat.job()
