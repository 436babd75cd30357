/* Calls of our server; each carries Telegram's init data. */

import { initData } from "./telegram.js";

async function call(path, options = {}) {
  const headers = { Authorization: `tma ${initData}`, ...options.headers };
  const answer = await fetch(`api/${path}`, { ...options, headers });
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({}));
  const error = new Error(problem.title ?? answer.statusText);
  error.problem = problem.type ?? "";
  throw error;
}

export const read = async (path) => (await call(path)).json();

export const put = (path, body) =>
  call(path, { method: "PUT", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });

export const remove = (path) => call(path, { method: "DELETE" });

/* Images need the init data too, so an <img> cannot fetch them itself. */
export async function show(image, path) {
  try {
    const url = URL.createObjectURL(await (await call(path)).blob());
    image.addEventListener("load", () => URL.revokeObjectURL(url), { once: true });
    image.src = url;
  } catch {
    image.hidden = true;
  }
}
