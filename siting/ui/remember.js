// Keeps the language of this browser, so that a reload and a typed address speak it too.
const YEAR_S = 31536000;
export default function (component) {
  const { name, language } = component.data;
  const secure = window.location.protocol === "https:" ? "; secure" : "";
  document.cookie = `${name}=${language}; path=/; max-age=${YEAR_S}; samesite=lax${secure}`;
}
