// The page's only door to the server: requests that throw its refusals, and the stream of news.

async function ask(verb, path, body) {
  const options = { method: verb };
  if (body instanceof FormData) options.body = body;
  else if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers = { "Content-Type": "application/json" };
  }
  const response = await fetch(`/client${path}`, options);
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.error || `${response.status} ${response.statusText}`);
  return answer;
}

const chat = (id) => `/chats/${id}`;

export const server = {
  state: () => ask("GET", "/state"),
  transcript: (chatId) => ask("GET", `${chat(chatId)}/messages`),
  say: (chatId, userId, text, replyTo) =>
    ask("POST", `${chat(chatId)}/messages`, { user_id: userId, text, reply_to: replyTo ?? null }),
  edit: (chatId, userId, messageId, text) =>
    ask("PATCH", `${chat(chatId)}/messages/${messageId}`, { user_id: userId, text }),
  remove: (chatId, userId, messageId) => ask("DELETE", `${chat(chatId)}/messages/${messageId}`, { user_id: userId }),
  forward: (chatId, userId, fromChatId, messageId) =>
    ask("POST", `${chat(chatId)}/forwards`, { user_id: userId, from_chat_id: fromChatId, message_id: messageId }),
  press: (chatId, userId, messageId, data) =>
    ask("POST", `${chat(chatId)}/messages/${messageId}/press`, { user_id: userId, data }),
  pay: (chatId, userId, messageId) => ask("POST", `${chat(chatId)}/messages/${messageId}/pay`, { user_id: userId }),
  block: (userId, blocked) => ask("POST", `${chat(userId)}/blocked`, { user_id: userId, blocked }),
  sendFiles(chatId, userId, files, caption, asDocuments) {
    const form = new FormData();
    form.append("user_id", String(userId));
    form.append("caption", caption);
    form.append("as_documents", String(asDocuments));
    for (const file of files) form.append("file", file, file.name || "photo.png");
    return ask("POST", `${chat(chatId)}/files`, form);
  },
  news(onOpen, onEvent, onLost) {
    const stream = new EventSource("/client/events");
    stream.onopen = onOpen;
    stream.onmessage = (event) => onEvent(JSON.parse(event.data));
    stream.onerror = onLost;
  },
};
