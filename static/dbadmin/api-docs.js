/* The reference of the REST API: Swagger UI on the document of whoever looks at it. It asks no other server. */
"use strict";

{
    const html = document.documentElement;
    const holder = document.getElementById("api-docs");
    const isDark = window.matchMedia("(prefers-color-scheme: dark)");

    const follow = () => {
        const theme = html.dataset.theme;
        html.classList.toggle("dark-mode", theme === "dark" || (theme === "auto" && isDark.matches));
    };
    follow();
    isDark.addEventListener("change", follow);

    window.SwaggerUIBundle({
        url: holder.dataset.document,
        domNode: holder,
        docExpansion: "none",
        defaultModelsExpandDepth: -1,
        deepLinking: true,
        filter: true,
        validatorUrl: null,
        requestInterceptor: (request) => {
            if (new URL(request.url, location.href).origin === location.origin && request.method !== "GET") {
                request.headers["X-CSRFToken"] = holder.dataset.token;
            }
            return request;
        },
    });
}
