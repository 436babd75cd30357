/* What Telegram hands over in the address, and what it wants to hear: see its "Mini Apps" and "Web Events". */

const launch = new URLSearchParams(location.hash.slice(1));

export const initData = launch.get("tgWebAppData") ?? "";

export function tell(eventType, eventData = {}) {
  const message = JSON.stringify({ eventType, eventData });
  if (window.TelegramWebviewProxy) window.TelegramWebviewProxy.postEvent(eventType, JSON.stringify(eventData));
  else if (window.external && "notify" in window.external) window.external.notify(message);
  else if (window.parent !== window) window.parent.postMessage(message, "https://web.telegram.org");
}

export function followTheme() {
  const background = themeBackground();
  const system = matchMedia("(prefers-color-scheme: dark)");
  const set = () => {
    const dark = background === null ? system.matches : luminance(background) < 0.5;
    document.documentElement.dataset.theme = dark ? "dark" : "light";
  };
  system.addEventListener("change", set);
  set();
}

function themeBackground() {
  try {
    const color = JSON.parse(launch.get("tgWebAppThemeParams") ?? "{}").bg_color;
    return /^#[0-9a-f]{6}$/i.test(color) ? color : null;
  } catch {
    return null;
  }
}

function luminance(color) {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16) / 255);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
