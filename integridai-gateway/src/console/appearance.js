// Light or dark, English or Spanish: as the browser has it, until a switch says otherwise. Only these two are remembered.

import { find } from "./dom.js";
import { currentLanguage, hasLanguage, speak, t } from "./text.js";

const THEME = "integridai.theme";
const LANGUAGE = "integridai.language";
const darkness = matchMedia("(prefers-color-scheme: dark)");

/** Dispatches "language" once the fixed texts are in it. */
export const appearance = new EventTarget();

export function startAppearance() {
  const theme = remembered(THEME);
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
  const wanted = [remembered(LANGUAGE), ...navigator.languages].map((code) => code?.slice(0, 2));
  speak(wanted.find((code) => hasLanguage(code ?? "")) ?? "en");
  label();
  darkness.addEventListener("change", label);
  find("#theme").addEventListener("click", () => {
    const theme = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    remember(THEME, theme);
    label();
  });
  find("#language").addEventListener("click", () => {
    speak(currentLanguage() === "en" ? "es" : "en");
    remember(LANGUAGE, currentLanguage());
    label();
    appearance.dispatchEvent(new Event("language"));
  });
}

function isDark() {
  return (document.documentElement.dataset.theme ?? (darkness.matches ? "dark" : "light")) === "dark";
}

/** The switches say what they do. The other language's name is in that language. */
function label() {
  find("#theme").textContent = isDark() ? t("page.light") : t("page.dark");
  const language = find("#language");
  const isEnglish = currentLanguage() === "en";
  language.textContent = isEnglish ? "Español" : "English";
  language.lang = isEnglish ? "es" : "en";
}

/** A browser may forbid it. */
function remembered(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

function remember(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    // It is asked for again next time.
  }
}
