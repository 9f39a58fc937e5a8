"""What a model wrote, in how many tokens and how sure of it: decodes for the guards to judge."""

from __future__ import annotations

from pipeline.guards import (
    LOGPROB_DOUBTFUL,
    LOOP_TOKENS_PER_S,
    NO_SPEECH_LIKELY,
    PHRASE_LOGPROB,
    PHRASE_NO_SPEECH,
    Decoded,
    judge,
)

CONFIDENT = max(LOGPROB_DOUBTFUL, PHRASE_LOGPROB) / 2
NO_SILENCE = min(PHRASE_NO_SPEECH, NO_SPEECH_LIKELY) / 2
LOOP_RATE = LOOP_TOKENS_PER_S * 1.5
TRUE_RATE = LOOP_TOKENS_PER_S * 0.75
WORDS = "I was not there."
NEVER = "Never, never, never give up."

#: Article 1 of the Universal Declaration of Human Rights, which takes about 12 s to read, and its length in tokens of
#: Whisper's multilingual vocabulary.
ARTICLE_S = 12.0
ARTICLE = {
    "en": (
        34,
        "All human beings are born free and equal in dignity and rights. They are endowed "
        "with reason and conscience and should act towards one another in a spirit of "
        "brotherhood.",
    ),
    "zh": (
        50,
        "人人生而自由,在尊严和权利上一律平等。他们赋有理性和良心,并应以兄弟关系的精神互相对待。",
    ),
    "ja": (
        81,
        "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。人間は、理性と良心とを授けられており、互いに同胞の精神を"
        "もって行動しなければならない。",
    ),
    "th": (
        126,
        "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ ต่างมีเหตุผลและมโนธรรม และควรปฏิบัติต่อกันด้วยเจตนารมณ์แห่งภราดรภาพ",
    ),
    "hi": (
        195,
        "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त "
        "है। उन्हें बुद्धि और अन्तरात्मा की देन प्राप्त है और परस्पर उन्हें भाईचारे के भाव "
        "से बर्ताव करना चाहिए।",
    ),
    "ta": (
        200,
        "மனிதப் பிறிவியினர் சகலரும் சுதந்திரமாகவே பிறக்கின்றனர்; அவர்கள் மதிப்பிலும், "
        "உரிமைகளிலும் சமமானவர்கள், அவர்கள் நியாயத்தையும் மனச்சாட்சியையும் இயற்பண்பாகப் "
        "பெற்றவர்கள். அவர்கள் ஒருவருடனொருவர் சகோதர உணர்வுப் பாங்கில் நடந்துகொள்ளல் வேண்டும்.",
    ),
    "te": (
        294,
        "ప్రతిపత్తిస్వత్వముల విషయమున మానవులెల్లరును జన్మతః స్వతంత్రులును సమానులును నగుదురు. "
        "వారు వివేదన-అంతఃకరణ సంపన్నులగుటచే పరస్పరము భ్రాతృభావముతో వర్తింపవలయును.",
    ),
    "km": (
        401,
        "មនុស្សទាំងអស់ កើតមកមានសេរីភាព និងសមភាព ក្នុងផ្នែកសេចក្ដីថ្លៃថ្នូរនិងសិទ្ធិ ។ មនុស្ស "
        "មានវិចារណញ្ញាណនិងសតិសម្បជញ្ញៈជាប់ពីកំណើត ហើយគប្បីប្រព្រឹត្ដចំពោះគ្នាទៅវិញទៅមក "
        "ក្នុងស្មារតីភាតរភាពជាបងប្អូន ។",
    ),
    "ka": (
        425,
        "ყველა ადამიანი იბადება თავისუფალი და თანასწორი თავისი ღირსებითა და უფლებებით. მათ "
        "მინიჭებული აქვთ გონება და სინდისი და ერთმანეთის მიმართ უნდა იქცეოდნენ ძმობის "
        "სულისკვეთებით.",
    ),
    "my": (
        726,
        "လူတိုင်းသည် တူညီ လွတ်လပ်သော ဂုဏ်သိက္ခာဖြင့် လည်းကောင်း၊ တူညီလွတ်လပ်သော "
        "အခွင့်အရေးများဖြင့် လည်းကောင်း၊ မွေးဖွားလာသူများ ဖြစ်သည်။ ထိုသူတို့၌ ပိုင်းခြား "
        "ဝေဖန်တတ်သော ဉာဏ်နှင့် ကျင့်ဝတ် သိတတ်သော စိတ်တို့ရှိကြ၍ ထိုသူတို့သည် အချင်းချင်း "
        "မေတ္တာထား၍ ဆက်ဆံကျင့်သုံးသင့်၏။",
    ),
}


def decoded(text, *, silence=NO_SILENCE, logprob=CONFIDENT, rate=TRUE_RATE, language="en"):
    """A decode with `rate` tokens a second, a token a word."""
    tokens = max(1, len(text.split()))
    return Decoded(
        text=text,
        language=language,
        tokens=tokens,
        duration_s=tokens / rate,
        no_speech_prob=silence,
        avg_logprob=logprob,
    )


def shown(text, **numbers):
    return judge(decoded(text, **numbers)).text


def rule(text, **numbers):
    return judge(decoded(text, **numbers)).rule


def article(language, *, text="", times=1, duration_s=ARTICLE_S):
    """It, or another text, as if it had been written with the tokens of `times` articles."""
    tokens, written = ARTICLE[language]
    return Decoded(
        text=text or written,
        language=language,
        tokens=tokens * times,
        duration_s=duration_s,
        no_speech_prob=0.0,
        avg_logprob=CONFIDENT,
    )
