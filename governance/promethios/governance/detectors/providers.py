"""Keys of the great providers, by the prefixes and lengths that they publish (as of November 2026).

A key that has no prefix is found behind its name only. Where each form is documented is in the README beside
this file.
"""

from __future__ import annotations

from typing import Final

from promethios.governance.detectors.credentials import named, no_example, prefixed
from promethios.governance.detectors.detector import WORD, Detector


def _behind_name(name: str, *patterns: str) -> Detector:
    return Detector(f"secret.{name}", patterns, no_example)


_MODELS: Final = (
    prefixed("anthropic", r"sk-ant-[a-z]{2,8}\d{2}-[A-Za-z0-9_-]{32,}"),
    prefixed("databricks", r"dapi[a-f0-9]{32}(?:-\d)?\b", r"dkea[a-f0-9]{32}\b"),
    prefixed("elevenlabs", r"sk_[a-f0-9]{48}\b"),
    prefixed("fireworks", r"fw_[A-Za-z0-9]{22,24}\b"),
    prefixed(
        "google",
        r"AIza[A-Za-z0-9_-]{35}",
        r"AQ\.A[A-Za-z0-9_-]{40,}",
        r"ya29\.[A-Za-z0-9_-]{20,}",
        r"GOCSPX-[A-Za-z0-9_-]{28}",
        r"1//0[A-Za-z0-9_-]{40,}",
    ),
    prefixed("groq", r"gsk_[A-Za-z0-9]{52}\b"),
    prefixed("huggingface", r"hf_[A-Za-z0-9]{34,}", r"api_org_[A-Za-z0-9]{34}\b"),
    prefixed("langfuse", r"sk-lf-[a-f0-9]{8}-(?:[a-f0-9]{4}-){3}[a-f0-9]{12}\b"),
    prefixed("langsmith", r"lsv2_(?:pt|sk)_[a-f0-9]{32}_[a-f0-9]{10}\b"),
    prefixed("nvidia", r"nvapi-[A-Za-z0-9_-]{60,70}"),
    # The older form has no prefix but "sk-"; it is told by its length, or by the "OpenAI" in base64 in its
    # middle.
    prefixed(
        "openai",
        r"sk-(?:proj|svcacct|admin|None)-[A-Za-z0-9_-]{32,}",
        r"sk-[A-Za-z0-9]{48}\b",
        r"sk-[A-Za-z0-9_-]{16,}T3BlbkFJ[A-Za-z0-9_-]{16,}",
    ),
    prefixed("openrouter", r"sk-or-v1-[a-f0-9]{64}\b"),
    prefixed("perplexity", r"pplx-[A-Za-z0-9]{48}\b"),
    prefixed("pinecone", r"pcsk_[A-Za-z0-9]{5,6}_[A-Za-z0-9]{63}\b"),
    prefixed("replicate", r"r8_[A-Za-z0-9]{37}\b"),
    prefixed("tavily", r"tvly-(?:dev-|prod-)?[A-Za-z0-9]{32}\b"),
    prefixed("xai", r"xai-[A-Za-z0-9]{80}\b"),
)

_CLOUDS: Final = (
    prefixed("alibaba", r"LTAI[A-Za-z0-9]{20}\b"),
    # Keys with the signature that Microsoft's services share, of storage, of Entra applications, of DevOps.
    prefixed(
        "azure",
        r"(?:AccountKey|SharedAccessKey)=[A-Za-z0-9+/]{43,86}==?",
        r"[A-Za-z0-9]{52}JQQJ9[9DH][A-Za-z0-9][A-L][A-Za-z0-9]{24}(?:[A-Za-z0-9]{2}==)?",
        r"[A-Za-z0-9_~.-]{3}8Q~[A-Za-z0-9_~.-]{34}",
        r"[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}\b",
    ),
    Detector(
        "secret.cloudflare",
        (
            WORD + r"(cf(?:k|ut|at)_[A-Za-z0-9]{40,56})\b",
            WORD + r"(v1\.0-[a-f0-9]{24}-[a-f0-9]{146})\b",
            named("(?:cloudflare|cf)_?(?:api_?)?(?:token|key)", "[A-Za-z0-9_-]{37,40}"),
        ),
        no_example,
    ),
    prefixed("digitalocean", r"do[opr]_v1_[a-f0-9]{64}\b"),
    prefixed("fly", r"fm[12]r?_[A-Za-z0-9+/]{100,}={0,2}"),
    prefixed("heroku", r"HRKU-AA[A-Za-z0-9_-]{58}"),
    prefixed("netlify", r"nf[pcoubn]_[A-Za-z0-9]{36}\b"),
    prefixed("planetscale", r"pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_-]{32,64}"),
    prefixed("supabase", r"sbp_[a-f0-9]{40}\b", r"sb_secret_[A-Za-z0-9_-]{31}"),
    prefixed("terraform", r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,}"),
    prefixed("vault", r"hv[sbr]\.[A-Za-z0-9_-]{24,}"),
)

_WORK: Final = (
    prefixed("atlassian", r"ATATT3[A-Za-z0-9_=-]{180,}", r"ATCTT3[A-Za-z0-9_=-]{180,}"),
    prefixed("docker", r"dckr_(?:pat|oat)_[A-Za-z0-9_-]{27,32}"),
    prefixed(
        "github",
        r"gh[pousr]_[A-Za-z0-9]{36,}",
        r"ghs_[0-9]{1,12}_eyJ[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+){0,2}",
        r"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}",
    ),
    prefixed(
        "gitlab",
        r"gl(?:pat|oas|dt|rt|rtr|cbt|ptt|ft|imt|agent|wt|soat|ffct)-[A-Za-z0-9_-]{20,}(?:\.[0-9a-z]{2}\.?[0-9a-z]{7,9})?",
    ),
    prefixed("linear", r"lin_(?:api|oauth)_[A-Za-z0-9]{40,64}\b"),
    prefixed("notion", r"ntn_[0-9]{11}[A-Za-z0-9]{35}\b"),
    prefixed("postman", r"PMAK-[a-f0-9]{24}-[a-f0-9]{34}\b"),
    prefixed("pulumi", r"pul-[a-f0-9]{40}\b"),
    prefixed("pypi", r"pypi-AgE(?:IcHlwaS5vcmc|NdGVzdC5weXBpLm9yZw)[A-Za-z0-9_-]{50,}"),
    prefixed("rubygems", r"rubygems_[a-f0-9]{48}\b"),
)

_SERVICES: Final = (
    _behind_name(
        "datadog",
        named(r"(?:dd|datadog)[_-]?(?:api|app|application)[_-]?key", "[a-f0-9]{40}|[a-f0-9]{32}"),
        WORD + r"(ddap[pi]_[A-Za-z0-9]{30,40})\b",
    ),
    prefixed(
        "discord",
        r"[MNO][A-Za-z0-9]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38}",
        r"https://(?:ptb\.|canary\.)?discord(?:app)?\.com/api/webhooks/\d{17,20}/[A-Za-z0-9_-]{60,80}",
    ),
    prefixed("grafana", r"glsa_[A-Za-z0-9]{32}_[a-f0-9]{8}\b", r"glc_eyJ[A-Za-z0-9+/]{60,400}={0,2}"),
    prefixed("mailgun", r"key-[a-f0-9]{32}\b"),
    prefixed("newrelic", r"NRAK-[A-Z0-9]{27}\b"),
    prefixed("sendgrid", r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
    prefixed("sentry", r"sntrys_eyJ[A-Za-z0-9+/=_-]{80,}", r"sntryu_[a-f0-9]{64}\b"),
    prefixed("shopify", r"shp(?:at|ca|pa|ss|ua)_[a-fA-F0-9]{32}\b"),
    prefixed(
        "slack",
        r"xox[abeoprs]-[A-Za-z0-9-]{10,}",
        r"xapp-\d-[A-Z0-9]+-\d+-[a-f0-9]{32,}",
        r"https://hooks\.slack\.com/(?:services|workflows)/T[A-Z0-9]{6,}/[AB][A-Z0-9]{6,}/[A-Za-z0-9/]{20,}",
    ),
    prefixed("square", r"sq0(?:atp|csp)-[A-Za-z0-9_-]{22,43}", r"EAAA[A-Za-z0-9_-]{60}"),
    prefixed("stripe", r"(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,}", r"whsec_[A-Za-z0-9+/]{32,}"),
    prefixed("telegram", r"[0-9]{8,10}:AA[A-Za-z0-9_-]{33}"),
    Detector(
        "secret.twilio",
        (
            WORD + r"(SK[a-f0-9]{32})\b",
            named("twilio_?(?:auth_?token|(?:api_?)?(?:key_?)?secret)", "[a-f0-9]{32}|[A-Za-z0-9]{32}"),
        ),
        no_example,
    ),
)

PROVIDERS: Final = (*_MODELS, *_CLOUDS, *_WORK, *_SERVICES)
