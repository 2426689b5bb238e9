// Sets the theme of /docs before its first frame: Swagger UI has the styles for dark mode, but no switch of its own.
const dark = matchMedia("(prefers-color-scheme: dark)");
const apply = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", apply);
apply();
